"""Runs the service: takes the port, wires the application, stops cleanly on Ctrl-C or SIGTERM."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import resource
import socket
import sys
import threading
from contextlib import suppress

import uvicorn

from portfolio_service.app import create_app, running
from portfolio_service.config import ConfigError, Settings, is_loopback, load_settings
from portfolio_service.connection import MAX_CONNECTIONS, MAX_HEAD_BYTES, Connection
from portfolio_service.domain.errors import DomainError
from portfolio_service.domain.workers import THREAD_NAME
from portfolio_service.jobs.settled_memory import SettledMemory
from portfolio_service.listener import cannot_start, listen, why_not
from portfolio_service.stopping import QUIET_S, STOP_WITHIN_S, GentleServer

KEEP_ALIVE_S = 15
M_ARENA_MAX, HEAPS = -8, 2  # malloc.h
SWITCH_S = 0.0002  # the event loop waits no longer than this for a thread that holds the interpreter


def serve(settings: Settings) -> int:
    """Serve until stopped; the exit code: 0 after a clean stop, 1 when it could not start (one line says why)."""
    _allow_many_connections()
    _share_heaps()
    sys.setswitchinterval(SWITCH_S)
    try:
        listener = listen(settings.host, settings.port)
    except OSError as error:
        return cannot_start(why_not(settings.host, settings.port, error))
    with listener:
        try:
            asyncio.run(_serve(settings, listener))
        except (DomainError, OSError, ValueError, ImportError) as error:
            return cannot_start(getattr(error, "detail", str(error)))
        except KeyboardInterrupt:  # a second Ctrl-C while stopping
            return 130
        finally:
            _leave_computations()
    return 0


def _allow_many_connections() -> None:
    """Some systems allow 256 open files unless asked for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS + 1024
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _share_heaps() -> None:
    """The C library of most Linux systems gives each thread a heap and keeps the most that it ever held: memory would
    grow for hours."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).mallopt(M_ARENA_MAX, HEAPS)


def _leave_computations() -> None:
    """What was cancelled ends within a step of its kernel; the books are closed, the process ends without the rest."""
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
        return cannot_start(str(error))
    return serve(settings)


async def _serve(settings: Settings, listener: socket.socket) -> None:
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        lifespan="off",  # entered here, so that an error at start is one line
        log_config=None,
        access_log=False,
        server_header=False,
        http=Connection,
        ws="none",
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=STOP_WITHIN_S - QUIET_S,
    )
    server = GentleServer(config, app)
    gc.disable()  # also when the command line has begun
    async with running(app):
        gc.freeze()
        gc.enable()
        memory = asyncio.create_task(SettledMemory().run())  # of this process: not the application's business
        _print_urls(settings, listener.getsockname()[1], app.state.services.market.source)
        await server.serve(sockets=[listener])
        memory.cancel()


def _print_urls(settings: Settings, port: int, source: str) -> None:
    host = settings.host if not is_loopback(settings.host) else "localhost"
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    lines = [
        f"Portfolio Engine at {url}",
        f"  page     {url}/",
        f"  API      {url}/docs",
        f"  metrics  {url}/metrics",
        f"  prices   {source}",
        "Ctrl-C stops it.",
    ]
    print("\n".join(lines), flush=True)
