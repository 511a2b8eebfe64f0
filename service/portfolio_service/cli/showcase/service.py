"""A service of its own for the demo: another process, a free port, a folder that is thrown away."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from portfolio_service.cli.run import FAILED, CommandError

STOP_WITHIN_S = 15


class Client:
    """Calls of the REST API; an error is what the service said. Never through a proxy: it is our own process."""

    def __init__(self, url: str) -> None:
        self._host = url.removeprefix("http://").rstrip("/")

    def get(self, path: str) -> Any:
        return self._call("GET", path, None)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return self._call("POST", path, body)

    def _call(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        with closing(http.client.HTTPConnection(self._host, timeout=60)) as connection:
            connection.request(method, path, data, headers)
            response = connection.getresponse()
            text = response.read().decode(errors="replace")
        if response.status >= 400:
            raise CommandError(f"{method} {path}: {response.status}: {_detail(text)}", FAILED)
        return json.loads(text)


def _detail(text: str) -> str:
    try:
        return str(json.loads(text)["detail"])
    except (ValueError, KeyError, TypeError):
        return text


@contextmanager
def running_service() -> Iterator[Client]:
    """The service on the simulated market, with a new database; stopped and removed at the end."""
    with tempfile.TemporaryDirectory(prefix="portfolio-demo-") as folder:
        log = Path(folder) / "service.log"
        own = {"HOST": "127.0.0.1", "PORT": "0", "DATA_DIR": folder, "MARKET_DATA_PROVIDER": "simulated"}
        kept = {name: value for name, value in os.environ.items() if name.upper() not in _SETTINGS}
        with log.open("w", encoding="utf-8") as stream:
            process = subprocess.Popen(
                [sys.executable, "-m", "portfolio_service"],
                stdout=subprocess.PIPE,
                stderr=stream,
                text=True,
                env={**kept, **own, "LOG_LEVEL": "warning"},
            )
        try:
            yield Client(_address(process, log))
        finally:
            process.terminate()
            try:
                process.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()


# what the user's own service is told must not reach the demo's
_SETTINGS = frozenset(
    {"API_KEY", "ALLOW_UNAUTHENTICATED", "ALLOWED_HOSTS", "DATABASE_URL", "MARKET_DATA_DIR", "LOG_FORMAT"}
    | {"MAX_PORTFOLIOS", "OPTIMIZATION_TIMEOUT", "ESTIMATION_DAYS", "RISK_FREE_RATE", "TRANSACTION_COST_BPS"}
)


def _address(process: subprocess.Popen[str], log: Path) -> str:
    """The address that the service prints when it is ready."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("Portfolio Engine at "):
            return line.split()[-1]
    said = log.read_text(encoding="utf-8").strip().splitlines()
    raise CommandError(f"the service did not start: {said[-1] if said else 'it said nothing'}", FAILED)
