"""Runs the command line and turns every expected error into one line on stderr and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any, cast

import typer

OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
# typer brings click under a private name or uses the installed one, depending on its version
UsageError, ClickException = cast("list[type[Exception]]", typer.BadParameter.__mro__[1:3])


class CommandError(Exception):
    """An error with an exit code of its own: 1 the work failed, 2 the input is wrong."""

    def __init__(self, message: str, code: int = USAGE) -> None:
        super().__init__(message)
        self.code = code


def run(arguments: Sequence[str]) -> int:
    """Runs one command; returns its exit code."""
    from portfolio_service.cli.commands import app

    try:
        code = app(list(arguments), prog_name="portfolio-engine", standalone_mode=False)
        sys.stdout.flush()
    except ClickException as error:
        return _click_error(error)
    except (KeyboardInterrupt, typer.Abort):
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except CommandError as error:
        return _fail(str(error), error.code)
    except BrokenPipeError:  # the reader went away: `portfolio-engine ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except OSError as error:
        return _fail(str(error), FAILED)
    except ImportError as error:
        if error.name is not None:  # not one of our own messages about what to install
            raise
        return _fail(str(error), FAILED)
    except (ValueError, RuntimeError) as error:
        return _library_error(error)
    return code if isinstance(code, int) else OK


def _click_error(error: Any) -> int:
    message = error.format_message().strip()
    if not message or not isinstance(error, UsageError):  # empty: the help is printed already
        return _fail(message, error.exit_code) if message else USAGE
    context: Any = getattr(error, "ctx", None)
    where = context.command_path if context else "portfolio-engine"
    return _fail(f"{message.rstrip('.')}; see: {where} --help", USAGE)


def _library_error(error: ValueError | RuntimeError) -> int:
    """The library's and the settings' own errors; anything else is a bug and keeps its traceback."""
    from portfolio_engine.errors import InfeasibleError, SolverError
    from portfolio_service.adapters.market_data.price_file import PriceFileError
    from portfolio_service.config import ConfigError

    if isinstance(error, (InfeasibleError, SolverError)):
        return _fail(str(error), FAILED)
    if isinstance(error, (PriceFileError, ConfigError)) or str(error).startswith("["):
        return _fail(str(error), USAGE)
    raise error


def _fail(message: str, code: int) -> int:
    print(f"error: {message}", file=sys.stderr)
    return code
