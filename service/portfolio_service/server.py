"""Runs the service: takes the port, wires the application, stops cleanly on Ctrl-C or SIGTERM."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from portfolio_service.app import create_app, running
from portfolio_service.config import ConfigError, Settings, is_loopback, load_settings
from portfolio_service.domain.errors import DomainError
from portfolio_service.domain.workers import THREAD_NAME

STOP_WITHIN_S = 10


def serve(settings: Settings) -> int:
    """Serve until stopped; the exit code: 0 after a clean stop, 1 when it could not start (one line says why)."""
    try:
        listener = _listen(settings)
    except OSError as error:
        return _cannot_start(_why_not(settings, error))
    with listener:
        try:
            asyncio.run(_serve(settings, listener))
        except (DomainError, OSError, ValueError) as error:
            return _cannot_start(getattr(error, "detail", str(error)))
        except KeyboardInterrupt:  # a second Ctrl-C while stopping
            return 130
        finally:
            _leave_computations()
    return 0


def _leave_computations() -> None:
    """A computation whose caller gave up cannot be stopped; the books are closed, the process ends without it."""
    for thread in threading.enumerate():
        if thread.name.startswith(THREAD_NAME):
            thread.join(0.5)
            if thread.is_alive():
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(0)


def main() -> int:
    """`python -m portfolio_service`: the environment, then serve."""
    try:
        settings = load_settings()
    except ConfigError as error:
        return _cannot_start(str(error))
    return serve(settings)


class _Server(uvicorn.Server):
    """uvicorn, without raising the signal again when it has stopped: our own clean-up comes after."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


async def _serve(settings: Settings, listener: socket.socket) -> None:
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        lifespan="off",  # entered here, so that an error at start is one line
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_WITHIN_S,
    )
    server = _Server(config)
    gc.disable()  # start-up makes no garbage, and a collection walks every row read so far
    async with running(app):
        gc.freeze()  # nor do later collections walk the books: a pause of every request otherwise
        gc.enable()
        _print_urls(settings, listener.getsockname()[1])
        await server.serve(sockets=[listener])


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        listener.listen(2048)
    except BaseException:
        listener.close()
        raise
    return listener


def _why_not(settings: Settings, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        where = f"port {settings.port} on {settings.host}"
        return f"{where} is taken; stop what uses it, or choose another with PORT or --port"
    return f"cannot listen on {settings.host}:{settings.port} (HOST, PORT): {error.strerror or error}"


def _print_urls(settings: Settings, port: int) -> None:
    host = settings.host if not is_loopback(settings.host) else "localhost"
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    lines = [
        f"Portfolio Engine at {url}",
        f"  page     {url}/",
        f"  API      {url}/docs",
        f"  metrics  {url}/metrics",
        f"  prices   {settings.provider}",
        "Ctrl-C stops it.",
    ]
    print("\n".join(lines), flush=True)


def _cannot_start(message: str) -> int:
    print(f"portfolio-engine: {message}", file=sys.stderr)
    return 1
