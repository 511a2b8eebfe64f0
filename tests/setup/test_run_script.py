"""The logic of ./run, in a small tree with a recording `uv`; .ci/run and CI use the real one."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.data import ROOT

pytestmark = pytest.mark.slow  # real processes, started and stopped

FAKE_UV = """#!/usr/bin/env bash
case "$1" in
  --version) echo "uv ${FAKE_UV_VERSION:-99.0.0} (recorded)"; exit ;;
  sync) ;;
  *) exit 1 ;;
esac
echo "$*" >>calls
[ -z "${FAKE_UV_FAILS:-}" ] || { echo "no network" >&2; exit 2; }
mkdir busy || exit 9
[ ! -p gate ] || read -r _ <gate
rmdir busy
mkdir -p .venv/bin
printf '#!/bin/sh\\necho "engine $* $MARKET_DATA_PROVIDER"\\n' >.venv/bin/portfolio-engine
chmod +x .venv/bin/portfolio-engine
"""


class Tree:
    """A copy of ./run beside empty sources and a `uv` that writes down its calls."""

    def __init__(self, root: Path) -> None:
        self.root = root / "a folder with spaces"
        for folder in ("cmake", "cpp", "metal", "python/src", "python/portfolio_engine", "bin"):
            (self.root / folder).mkdir(parents=True)
        for name in ("CMakeLists.txt", "pyproject.toml", "uv.lock", "cpp/qp.cpp", "python/portfolio_engine/qp.py"):
            (self.root / name).write_text("first\n")
        (self.root / ".ci").mkdir()
        for script in ("run", ".ci/setup.sh"):
            shutil.copy(ROOT / script, self.root / script)
        (self.root / "bin/uv").write_text(FAKE_UV)
        (self.root / "bin/uv").chmod(0o755)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        keep = {k: v for k, v in os.environ.items() if not k.startswith(("UV_", "PIP_", "MARKET_", "PORT"))}
        path = f"{self.root / 'bin'}:{keep['PATH']}"
        return subprocess.Popen(
            ["bash", "./run", *arguments],
            cwd=self.root,
            env={**keep, "PATH": path, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, **environment: str) -> tuple[int, str, str]:
        process = self.start(*arguments, **environment)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    @property
    def calls(self) -> list[str]:
        record = self.root / "calls"
        return record.read_text().splitlines() if record.exists() else []


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_second_start_does_not_call_uv(tree: Tree) -> None:
    assert tree.run("optimize", "prices.csv")[:2] == (0, "engine optimize prices.csv \n")
    assert len(tree.calls) == 1
    assert "--locked" in tree.calls[0]
    assert "--extra service --extra cli" in tree.calls[0]
    assert "--group dev" not in tree.calls[0]
    assert tree.run("optimize")[:2] == (0, "engine optimize \n")
    assert len(tree.calls) == 1


@pytest.mark.parametrize("edited", ["CMakeLists.txt", "pyproject.toml", "uv.lock", "cpp/qp.cpp", "cpp/new.cpp"])
def test_an_edit_of_what_is_built_sets_up_again(tree: Tree, edited: str) -> None:
    tree.run("setup")
    (tree.root / edited).write_text("second\n")
    tree.run("setup")
    assert len(tree.calls) == 2


def test_an_edit_of_python_is_live(tree: Tree) -> None:
    tree.run("setup")
    (tree.root / "python/portfolio_engine/qp.py").write_text("second\n")
    tree.run("setup")
    assert len(tree.calls) == 1


def test_the_tests_need_more_than_the_service(tree: Tree) -> None:
    tree.run("setup")
    tree.run("setup", "dev")
    assert len(tree.calls) == 2
    assert "--group dev" in tree.calls[1]
    tree.run("setup")
    assert len(tree.calls) == 2


def test_serve_defaults_to_the_simulated_market(tree: Tree) -> None:
    port = str(free_port())
    assert tree.run("--port", port)[1] == f"engine serve --port {port} simulated\n"
    assert tree.run("serve", PORT=port, MARKET_DATA_PROVIDER="files")[1] == "engine serve files\n"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("how", ["option", "option=", "environment"])
def test_taken_port_says_so_before_anything_else(tree: Tree, how: str) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = str(listener.getsockname()[1])
        call: dict[str, Callable[[], tuple[int, str, str]]] = {
            "option": lambda: tree.run("serve", "--port", port),
            "option=": lambda: tree.run(f"--port={port}"),
            "environment": lambda: tree.run(PORT=port),
        }
        code, _, err = call[how]()
    assert code == 1
    assert f"port {port} is taken" in err
    assert tree.calls == []


def test_failed_set_up_is_said_and_tried_again(tree: Tree) -> None:
    code, _, err = tree.run("setup", FAKE_UV_FAILS="1")
    assert code == 1
    assert "no network" in err
    assert "Without a network" in err
    assert not (tree.root / ".bootstrap/lock").is_symlink()
    assert tree.run("setup")[0] == 0
    assert len(tree.calls) == 2


def test_two_at_once_set_up_once(tree: Tree) -> None:
    os.mkfifo(tree.root / "gate")
    first = tree.start("setup")
    second = tree.start("setup")
    # One of them holds the lock inside uv; the other one must be waiting before the gate opens.
    streams = {p: p.stderr for p in (first, second)}
    waiting = None
    with (tree.root / "gate").open("w") as gate:
        for process, stream in streams.items():
            assert stream is not None
            line = stream.readline()
            if "waiting for another set-up" in line:
                waiting = process
        gate.write("go\n")
    assert waiting is not None
    assert [p.wait(timeout=60) for p in (first, second)] == [0, 0]
    assert len(tree.calls) == 1
    for process in (first, second):
        process.communicate()


def test_lock_of_a_dead_process_is_taken_over(tree: Tree) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    (tree.root / ".bootstrap").mkdir()
    (tree.root / ".bootstrap/lock").symlink_to(str(gone.pid))
    assert tree.run("setup")[0] == 0


def test_interrupt_is_a_line(tree: Tree) -> None:
    os.mkfifo(tree.root / "gate")
    process = tree.start("setup")
    with (tree.root / "gate").open("w"):  # opens when uv waits at the gate
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in err
    assert not (tree.root / ".bootstrap/lock").is_symlink()
    assert not (tree.root / ".venv").exists()


def test_what_is_missing_is_named(tree: Tree) -> None:
    tools = tree.root / "few"
    tools.mkdir()
    for name in ("bash", "dirname", "cksum", "find", "sort", "tr", "ln", "readlink", "mkdir", "rm", "cat", "id"):
        found = shutil.which(name)
        assert found, name
        (tools / name).symlink_to(found)
    code, _, err = tree.run("setup", PATH=str(tools), HOME=str(tools))
    assert code == 1
    for word in ("C++20 compiler", "Python 3.11 to 3.13", "g++", "python3-venv", "python3-dev"):
        assert word in err
    assert tree.calls == []


@pytest.mark.slow  # makes a real virtual environment
def test_an_old_uv_is_not_used(tree: Tree) -> None:
    (tree.root / "home").mkdir()
    code, _, err = tree.run("setup", FAKE_UV_VERSION="0.4.30", HOME=str(tree.root / "home"), PIP_NO_INDEX="1")
    assert code == 1
    assert "uv: fetching" in err
    assert tree.calls == []


def test_help_names_every_command() -> None:
    text = subprocess.run([ROOT / "run", "--help"], capture_output=True, text=True, check=True).stdout
    for word in ("test quick", "bench native", "demo", "--port", "optimize"):
        assert word in text
