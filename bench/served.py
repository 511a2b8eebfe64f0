"""The service as its own process on a free loopback port, watched from outside: memory, descriptors, metrics."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import psutil

INHERITED = ("PATH", "HOME", "LANG", "TMPDIR")
DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # never through a proxy


class Served:
    """One running service; its data stays in `folder`, so that a second one continues with the same books."""

    def __init__(self, folder: Path, *options: str, **environment: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.log = folder / "server.log"
        given = {
            "DATA_DIR": str(folder / "data"),
            "PORT": "0",
            "MARKET_DATA_PROVIDER": "simulated",
            "LOG_LEVEL": "warning",
            **environment,
        }
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        began = time.perf_counter()
        with self.log.open("a") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "portfolio_service", *options],
                env=inherited | given,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
        assert self.process.stdout is not None
        first = self.process.stdout.readline()
        match = re.search(r"http://\S+", first)
        if match is None:
            self.kill()
            raise RuntimeError(f"the service did not start: {first}{self.log.read_text()[-2000:]}")
        self.url = match[0].replace("localhost", "127.0.0.1")
        self._await_ready(began)
        self.ready_after_s = time.perf_counter() - began
        self.watched = psutil.Process(self.process.pid)

    def _await_ready(self, began: float) -> None:
        while time.perf_counter() - began < 60:
            try:
                if DIRECTLY.open(f"{self.url}/health/ready", timeout=10).status == 200:
                    return
            except OSError:
                time.sleep(0.01)
        self.kill()
        raise RuntimeError("the service was not ready within 60 s")

    def get(self, path: str) -> Any:
        """JSON of a GET, or text where it is no JSON."""
        with DIRECTLY.open(f"{self.url}{path}", timeout=60) as answer:
            body = answer.read().decode()
        return json.loads(body) if body.startswith(("{", "[")) else body

    def memory_mib(self) -> float:
        """Resident memory."""
        return float(self.watched.memory_info().rss) / 2**20

    def descriptors(self) -> int:
        """Open files and sockets."""
        return int(self.watched.num_fds())

    def wal_mib(self) -> float:
        """Size of SQLite's write-ahead log."""
        return sum(path.stat().st_size for path in (self.folder / "data").glob("*-wal")) / 2**20

    def stop(self, number: int = signal.SIGTERM, within_s: float = 30) -> tuple[int, float]:
        """Ask it to stop; its exit code and the seconds that took."""
        began = time.perf_counter()
        self.process.send_signal(number)
        try:
            code = self.process.wait(within_s)
        finally:
            self.kill()
        return code, time.perf_counter() - began

    def kill(self) -> None:
        """SIGKILL, and waits for the end; harmless when it has ended."""
        self.process.kill()
        self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
