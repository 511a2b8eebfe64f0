"""The end of the service: what is under way is finished, and nobody is reset."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

import uvicorn
from fastapi import FastAPI
from typing_extensions import override

from portfolio_service.connection import Connection
from portfolio_service.listener import Server

STOP_WITHIN_S = 9  # the rest of the ten is for the parts behind the server
GIVE_UP_AFTER_S = 5.0  # on computations
QUIET_S = 1  # that an idle connection is left open


class GentleServer(Server):
    """New connections are refused; open ones hear "Connection: close" with their next answer, idle ones end after a
    moment; a computation that takes too long is answered 503."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.state.stopping.set()
        loop = asyncio.get_running_loop()
        loop.call_later(GIVE_UP_AFTER_S, self._app.state.services.optimisation.workers.stop_waiting)
        await self._refuse_new(sockets or [])
        if self.server_state.connections:
            await asyncio.sleep(QUIET_S)
        await super().shutdown(sockets)

    async def _refuse_new(self, listeners: list[socket.socket]) -> None:
        """Stop listening; connections that the system has made already are taken first, or it would reset them."""
        last: list[socket.socket] = []
        for listener in listeners:
            with suppress(OSError):
                while True:
                    last.append(listener.accept()[0])
        for server in self.servers:
            server.close()
        for made in last:
            made.setblocking(False)
            await asyncio.get_running_loop().connect_accepted_socket(self._connection, made)

    def _connection(self) -> Connection:
        return Connection(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)
