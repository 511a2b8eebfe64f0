"""Identifiers: a prefix and random hex digits."""

from __future__ import annotations

import secrets
from collections.abc import Container


def new_id(prefix: str, taken: Container[str] = (), digits: int = 12) -> str:
    """A fresh id like port_12ab34cd56ef, none of `taken`."""
    while True:
        found = f"{prefix}_{secrets.token_hex(digits // 2)}"
        if found not in taken:
            return found
