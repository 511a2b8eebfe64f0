"""Structured logs on stderr: one line a record, JSON or text, the request id on every line, no secret ever."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

from portfolio_service.config import Settings

_SECRET_WORDS = ("api_key", "authorization", "password", "secret", "token")


def configure(settings: Settings) -> None:
    """Route structlog, the standard library's loggers (uvicorn, alembic, ours) and warnings through one formatter."""
    as_json = settings.log_format == "json" or (settings.log_format == "auto" and not sys.stderr.isatty())
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _mask,
    ]
    # Tracebacks without locals: a frame's variables hold headers and with them the API key.
    ending: list[structlog.types.Processor]
    if as_json:
        plain = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        ending = [
            structlog.processors.ExceptionRenderer(plain),
            structlog.processors.JSONRenderer(default=str),
        ]
    else:
        renderer = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
        ending = [renderer]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    logging.captureWarnings(True)
    for noisy in ("alembic", "uvicorn", "httpx", "httpcore"):
        logging.getLogger(noisy).setLevel("WARNING")
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def log_start(settings: Settings, acceleration: Mapping[str, Any], version: str) -> None:
    """The state an operator looks for first: who we are, what computes, which prices, and every warning."""
    log = structlog.get_logger("portfolio_service")
    folder, provider = str(settings.data_dir), settings.market_data_provider
    log.info("portfolio engine starting", version=version, provider=provider, data_dir=folder)
    log.info(
        "METAL_ACCELERATION",
        requested="auto" if settings.enable_metal_acceleration is None else settings.enable_metal_acceleration,
        active=acceleration["metal"],
        device=acceleration["device"],
        reason=acceleration["reason"],
    )
    for message in warnings_of(settings, acceleration):
        log.warning(message)


def warnings_of(settings: Settings, acceleration: Mapping[str, Any]) -> list[str]:
    """What was asked for and is not so, or is risky; shown at start and in /health."""
    found = []
    if (settings.hardware_platform == "m4_max" or settings.m4_max_optimized) and not acceleration["metal"]:
        found.append(f"HARDWARE_PLATFORM/M4_MAX_OPTIMIZED expect an M4 Max: computing on {acceleration['device']}")
    if not acceleration["healthy"]:
        found.append(f"the GPU failed and is not used any more: {acceleration['reason']}")
    elif settings.enable_metal_acceleration and not acceleration["metal"]:
        found.append(f"ENABLE_METAL_ACCELERATION is set: {acceleration['reason']}")
    if settings.enable_neural_engine and not acceleration["neural_engine"]:
        found.append("ENABLE_NEURAL_ENGINE is set: this version has no model that runs on a Neural Engine")
    if "optimization_batch_size" in settings.model_fields_set:
        found.append("OPTIMIZATION_BATCH_SIZE is set: this version solves one problem a request, nothing is batched")
    if settings.api_key is None and settings.allow_unauthenticated:
        found.append("ALLOW_UNAUTHENTICATED=1: whoever reaches this port can change every portfolio")
    return found


def _mask(_logger: Any, _name: str, record: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key in record:
        if any(word in key.lower() for word in _SECRET_WORDS):
            record[key] = "********"
    return record
