"""A real Prometheus for the tests: the machine's own, or the one that ./run test unpacks."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.data import ROOT

RULES = ROOT / "deploy" / "prometheus"
UNPACKED = ROOT / ".bootstrap" / "prometheus" / "usr" / "bin"


def program(name: str) -> str | None:
    own = UNPACKED / name
    return shutil.which(name) or (str(own) if own.exists() else None)


PROMETHEUS, PROMTOOL = program("prometheus"), program("promtool")
FOUND = PROMETHEUS is not None and PROMTOOL is not None
WITHOUT = "no Prometheus on this machine; ./run test brings Debian's"
needs_prometheus = pytest.mark.skipif(not FOUND, reason=WITHOUT)


def promtool(*arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    assert PROMTOOL is not None
    command = [PROMTOOL, *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False, cwd=RULES)


@dataclass
class Prometheus:
    """A running Prometheus that scrapes one target with our configuration and rules."""

    url: str
    process: subprocess.Popen[bytes]

    def query(self, expr: str) -> list[dict[str, Any]]:
        """The result of an instant query; AssertionError with Prometheus' own words when it does not evaluate."""
        answer = httpx.post(f"{self.url}/api/v1/query", data={"query": expr}, timeout=20).json()
        assert answer["status"] == "success", (expr, answer)
        found = answer["data"]["result"]
        return found if answer["data"]["resultType"] == "vector" else [{"value": found}]

    def value(self, expr: str) -> float:
        """The one value of a query, nan when there is none."""
        found = self.query(expr)
        return float(found[0]["value"][1]) if found else float("nan")

    def wait(self, done: Callable[[], bool], within_s: float = 30.0) -> None:
        deadline = time.monotonic() + within_s
        while not done():
            assert time.monotonic() < deadline, "Prometheus has not seen it"
            assert self.process.poll() is None, "Prometheus ended"
            time.sleep(0.1)

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        finally:
            self.process.kill()


def start_prometheus(folder: Path, target: str, port: int) -> Prometheus:
    """Our configuration with that target, scraped every second; data in `folder`."""
    assert PROMETHEUS is not None
    config = yaml.safe_load((RULES / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(RULES / "alerts.yml")]
    config["scrape_configs"][0]["static_configs"] = [{"targets": [target]}]
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(config))
    log = (folder / "prometheus.log").open("wb")
    arguments = [
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    process = subprocess.Popen([PROMETHEUS, *arguments], cwd=folder, stdout=log, stderr=log)
    log.close()
    found = Prometheus(f"http://127.0.0.1:{port}", process)

    def ready() -> bool:
        try:
            return httpx.get(f"{found.url}/-/ready", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    try:
        found.wait(ready)
    except BaseException:
        found.stop()
        raise
    return found
