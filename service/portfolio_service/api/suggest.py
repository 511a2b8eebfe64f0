"""Pydantic's complaints in our words: the field's path, what was expected, and the nearest known name."""

from __future__ import annotations

import difflib
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from portfolio_service.domain.errors import FieldError

# Error types of our own validators that carry their code; anything else is validation_error.
_OWN_CODES = ("leverage_not_supported", "metadata_too_large", "symbol_twice")


def explain(errors: Sequence[Mapping[str, Any]], endpoint: Callable[..., Any] | None) -> tuple[str, list[FieldError]]:
    """The code and the wrong fields of a refused request."""
    model = _body_model(endpoint)
    typos_first = sorted(errors, key=lambda error: error["type"] != "extra_forbidden")  # they explain what is missing
    fields = [_field_error(error, model) for error in typos_first]
    kinds = {str(error["type"]) for error in errors}
    if kinds == {"extra_forbidden"}:
        return "unknown_field", fields
    own = [code for code in _OWN_CODES if code in kinds]
    return (own[0] if own and len(kinds) == 1 else "validation_error"), fields


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like `name`, or None when nothing is like it."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.55)
    return found[0] if found else None


def _field_error(error: Mapping[str, Any], model: type[BaseModel] | None) -> FieldError:
    where = [part for part in error["loc"] if part not in ("body", "query", "path", "header")]
    name = ".".join(str(part) for part in where) or "body"
    if error["type"] == "extra_forbidden":
        known = sorted(_keys(model, where[:-1]))
        near = nearest(str(where[-1]), known)
        hint = f"did you mean {near}?" if near else f"known: {', '.join(known)}"
        return FieldError(name, f"unknown field; {hint}")
    if error["type"] == "missing":
        return FieldError(name, "required, got nothing")
    message = re.sub(r"^(Input|String|List|Dictionary) should (be|have) ", "expected ", str(error["msg"]))
    message = message.replace("String should match pattern", "expected text that matches")
    return FieldError(name, message if "got" in message else f"{message}, got {_shown(error.get('input'))}")


def _shown(value: Any) -> str:
    """A short, safe rendering of what came."""
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value)}"
    if isinstance(value, int) and abs(value) > 10**30:
        return "a very large integer"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _body_model(endpoint: Callable[..., Any] | None) -> type[BaseModel] | None:
    """The request schema among the handler's parameters."""
    if endpoint is None:
        return None
    for name, hint in typing.get_type_hints(endpoint).items():
        if name != "return" and isinstance(hint, type) and issubclass(hint, BaseModel):
            return hint
    return None


def _keys(model: type[BaseModel] | None, path: Sequence[Any]) -> set[str]:
    """The field names of the model that `path` leads to."""
    if model is None:
        return set()
    annotation: Any = model
    for part in path:
        if (inner := _model_in(annotation)) is not None and part in (named := _named(inner)):
            annotation = named[part]
    inner = _model_in(annotation)
    return set(_named(inner)) if inner else set()


def _named(model: type[BaseModel]) -> dict[str, Any]:
    """Field names as clients write them, and their types."""
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The first model inside X | None, list[X], dict[str, X] or Annotated[X, ...]."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return annotation if issubclass(annotation, BaseModel) else None
    return next((found for arg in typing.get_args(annotation) if (found := _model_in(arg)) is not None), None)
