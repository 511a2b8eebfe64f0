"""The service as tests use it: in this process with a clock they set, or as a real process on a real port."""

from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import NullPool, create_engine

from portfolio_service.adapters.storage import postgresql
from portfolio_service.app import create_app, running
from portfolio_service.config import Settings, load_settings
from tests.service.fakes import ManualClock, close_desks

if TYPE_CHECKING:
    from tests.service.postgres import Postgres

DATABASES = ("sqlite", pytest.param("postgresql", marks=pytest.mark.slow))
TECH = ["AAPL", "GOOGL", "MSFT", "NVDA", "TSLA"]


@pytest.fixture(autouse=True)
def level_of_logs() -> None:
    """An application sets it for the process, also one that a whole module uses: a test begins with the usual one."""
    logging.getLogger().setLevel(logging.WARNING)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def desks() -> AsyncIterator[None]:
    """Closes the desks that a test opened."""
    yield
    await close_desks()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL server of this test process."""
    from tests.service.postgres import Postgres  # late: most runs need none

    server = Postgres()
    yield server
    server.close()


@pytest.fixture(scope="session")
def postgres_url(postgres: Postgres) -> str:
    """A database that tests share."""
    return postgres.create()


@pytest.fixture
def postgres_database(postgres: Postgres) -> Iterator[str]:
    """A fresh database; its URL."""
    url = postgres.create()
    yield url
    postgres.drop(url)


@pytest.fixture
def database_kind() -> str:
    """Parametrise it with DATABASES to run a test on both; TEST_DATABASE=postgresql runs every other test there."""
    return os.environ.get("TEST_DATABASE", "sqlite")


@pytest.fixture
def where(database_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Path | str:
    """A place for books that are not there yet: a SQLite file, or the URL of an empty PostgreSQL database."""
    if database_kind == "sqlite":
        return tmp_path / "portfolio.db"
    url: str = request.getfixturevalue("postgres_database")
    return url


class Sql:
    """Statements past the service, as an operator or an attacker would send them."""

    def __init__(self, kind: str, where: Path | str) -> None:
        self.kind = kind
        url = f"sqlite:///{where}" if isinstance(where, Path) else postgresql.url_of(where)
        self.engine = create_engine(url, poolclass=NullPool)

    def __call__(self, statement: str) -> list[tuple[Any, ...]]:
        with self.engine.begin() as connection:
            found = connection.exec_driver_sql(statement)
            return [tuple(row) for row in found] if found.returns_rows else []


@pytest.fixture
def sql(database_kind: str, where: Path | str) -> Sql:
    return Sql(database_kind, where)


@pytest.fixture
def settings(tmp_path: Path, where: Path | str) -> Settings:
    url = where if isinstance(where, str) else None
    return load_settings(data_dir=tmp_path, database_url=url, market_data_provider="simulated", log_level="warning")


@pytest.fixture
async def app(settings: Settings, clock: ManualClock) -> AsyncIterator[FastAPI]:
    application = create_app(settings, clock)
    async with running(application):
        yield application


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Requests into the application; simulated market, SQLite in a temporary folder, a clock that stands still."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8900") as http:
        yield http


async def create_tech(client: httpx.AsyncClient, **changes: Any) -> str:
    """A portfolio of five symbols; its id."""
    body = {"portfolio_name": "Tech Focus Portfolio", "symbols": TECH, "initial_value": 250000, **changes}
    response = await client.post("/portfolios/with-symbols", json=body)
    assert response.status_code == 201, response.text
    return str(response.json()["portfolio_id"])


@dataclass
class Server:
    """A running service process."""

    url: str
    process: subprocess.Popen[str]
    log: Path

    def assert_books_verify(self) -> None:
        """What was accepted is what is stored: `portfolio-engine db check` beside the running service."""
        command = [
            Path(sys.executable).parent / "portfolio-engine",
            "db",
            "check",
            "--data-dir",
            self.log.parent / "data",
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def stop(self, number: int = signal.SIGINT) -> int:
        """Ask it to stop; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(20)
        finally:
            self.process.kill()
            if self.process.stdout:
                self.process.stdout.close()


def start_server(folder: Path, *, before: Sequence[str] = (), **environment: str) -> Server:
    """`python -m portfolio_service` with its data in `folder`; waits until it says where it listens.

    `before` is a command that ends by becoming the one that follows it.
    """
    log = folder / "server.log"
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    given = {"DATA_DIR": str(folder / "data"), "PORT": "0", "MARKET_DATA_PROVIDER": "simulated", **environment}
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [*before, sys.executable, "-m", "portfolio_service"],
            env=inherited | given,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    assert process.stdout is not None
    first = process.stdout.readline()
    match = re.search(r"http://\S+", first)
    if match is None:
        process.kill()
        process.wait()
        process.stdout.close()
        raise AssertionError(f"the service did not start: {first}{log.read_text()}")
    return Server(match[0], process, log)


@contextmanager
def start_market_data(folder: Path, *options: str) -> Iterator[Server]:
    """`portfolio-engine market-data serve` on a free port; waits until it says where it listens."""
    log = folder / "market_data.log"
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    script = Path(sys.executable).parent / "portfolio-engine"
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [script, "market-data", "serve", "--port", "0", *options],
            env=inherited,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    assert process.stdout is not None
    first = process.stdout.readline()
    match = re.search(r"http://\S+", first)
    server = Server(match[0] if match else "", process, log)
    try:
        assert match, f"the market data server did not start: {first}{log.read_text()}"
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Starts servers that end with the module."""
    started: list[Server] = []

    def start_one(**environment: str) -> Server:
        started.append(start_server(tmp_path_factory.mktemp("server"), **environment))
        return started[-1]

    yield start_one
    for server in started:
        server.stop()


@pytest.fixture(scope="module")
def server(start: Callable[..., Server]) -> Server:
    """One real service process on a free port, simulated market."""
    return start()
