"""`portfolio-engine config`: every setting, its value and where it comes from."""

from __future__ import annotations

import os

from portfolio_service.cli import options as o


def config(as_json: o.JsonOption = False) -> None:
    """Every environment variable of the service with its value and origin; secrets are masked."""
    from portfolio_service.cli import output
    from portfolio_service.config import load_settings

    values = load_settings().public()
    set_here = {name.upper() for name, value in os.environ.items() if value}  # an empty one counts as not set
    origin = {name: "environment" if name in set_here else "default" for name in values}
    if as_json:
        output.print_json({name: {"value": value, "origin": origin[name]} for name, value in values.items()})
        return
    rows = [[name, _text(value), origin[name]] for name, value in values.items()]
    output.table("Settings", ["Variable", "Value", "Origin"], rows, left=3)


def _text(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value))
    return "-" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
