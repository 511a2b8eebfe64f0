"""A real disk under a real service on SQLite: full, read-only, locked. Never a false 2xx, and it heals by itself."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.service.conftest import Server, start_server

pytestmark = pytest.mark.slow


def _no_namespaces() -> str | None:
    """Why this machine cannot mount a small disk of its own, None when it can."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0 or not shutil.which("unshare"):
        return "mounting a small disk needs root on Linux"
    tried = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True)
    return None if tried.returncode == 0 else "this machine does not let root mount"


DISKS = pytest.mark.skipif(bool(reason := _no_namespaces()), reason=reason or "")


def own_disk(folder: Path, options: str) -> list[str]:
    """Before a command: the command then sees a small disk of its own at `folder`, and nobody else does."""
    return ["unshare", "-m", "sh", "-c", f'mount -t tmpfs -o {options} tmpfs "{folder}" && exec "$@"', "sh"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path


@pytest.fixture
def server(folder: Path) -> Iterator[Server]:
    """A service whose data folder is a disk of 12 MB."""
    started = start_server(folder, before=own_disk(folder / "data", "size=12m"))
    yield started
    started.stop()


def create(http: httpx.Client, name: str) -> httpx.Response:
    return http.post("/portfolios", json={"portfolio_name": name, "metadata": {"pad": "x" * 12_000}})


def names(http: httpx.Client) -> set[str]:
    return {one["portfolio_name"] for one in http.get("/portfolios", params={"limit": 1000}).json()["portfolios"]}


def check_refused(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.json()["code"]) == (503, "storage_unavailable"), answer.text
    assert answer.headers["Retry-After"]


@DISKS
def test_a_full_disk_is_503_until_there_is_room_again(server: Server, folder: Path) -> None:
    disk = Path(f"/proc/{server.process.pid}/root{folder}/data")
    with httpx.Client(base_url=server.url, timeout=30) as http:
        assert create(http, "before").status_code == 201
        with (disk / "filler").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
            while True:
                filler.write(bytes(4096))
        assert shutil.disk_usage(disk).free == 0
        acknowledged = {"before"}
        for number in range(100):  # what the log had reserved is still used
            answer = create(http, f"P{number}")
            if answer.status_code != 201:
                break
            acknowledged.add(f"P{number}")
        check_refused(answer)
        check_refused(create(http, "again"))
        assert names(http) == acknowledged
        (disk / "filler").unlink()
        assert create(http, "after").status_code == 201
        assert http.get("/health").status_code == 200
        assert names(http) == acknowledged | {"after"}
        for name in ("portfolio.db", "portfolio.db-wal"):
            shutil.copy(disk / name, folder / name)
    server.stop()
    with sqlite3.connect(folder / "portfolio.db") as stored:
        found = {row[0] for row in stored.execute("SELECT portfolio_name FROM portfolios")}
    stored.close()
    assert found == acknowledged | {"after"}


@DISKS
def test_a_read_only_disk_is_named_at_start(folder: Path) -> None:
    with pytest.raises(AssertionError, match="Read-only file system") as refusal:
        start_server(folder, before=own_disk(folder / "data", "ro"))
    assert str(folder / "data") in str(refusal.value)
    assert "Traceback" not in str(refusal.value)
    server = start_server(folder, before=own_disk(folder / "data", "rw"))
    assert httpx.get(f"{server.url}/health/ready").status_code == 200
    assert server.stop() == 0


def test_a_lock_held_by_another_program_is_503_for_as_long(folder: Path) -> None:
    server = start_server(folder)
    try:
        with httpx.Client(base_url=server.url, timeout=30) as http:
            assert create(http, "before").status_code == 201
            holder = subprocess.Popen(
                [sys.executable, "-c", HOLD, str(folder / "data" / "portfolio.db")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            check_refused(create(http, "meanwhile"))
            assert names(http) == {"before"}
            holder.communicate("let go\n", timeout=20)
            assert create(http, "after").status_code == 201
            assert names(http) == {"before", "after"}
    finally:
        assert server.stop() == 0


HOLD = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
held.execute("ROLLBACK")
"""
