"""What both servers need to listen: a socket, a clear word when it cannot be had, uvicorn that stops in our order."""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn


class Server(uvicorn.Server):
    """uvicorn, without raising the signal again when it has stopped: our own clean-up comes after."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # the protocol is named because asyncio turns Nagle's algorithm off (40 ms an answer) only where it is
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except BaseException:
        listener.close()
        raise
    return listener


def why_not(host: str, port: int, error: OSError, settings: str = "PORT or --port") -> str:
    """Why it cannot listen there, and what to do."""
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is taken; stop what uses it, or choose another with {settings}"
    return f"cannot listen on {host}:{port}: {error.strerror or error}"


def cannot_start(message: str) -> int:
    """One line on stderr; the exit code."""
    print(f"portfolio-engine: {message}", file=sys.stderr)
    return 1
