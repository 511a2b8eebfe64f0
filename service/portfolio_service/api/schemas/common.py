"""Types that every schema shares: strict bounded numbers, symbols, weights, times in Z, the error body."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StrictBool,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from portfolio_service.domain.clock import iso

SYMBOL_PATTERN = r"^ *[A-Za-z0-9][A-Za-z0-9.^=_-]{0,19} *$"
METADATA_BYTES = 16 * 1024
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9 ._&/-]{0,63}$"
TEXT_PATTERN = r"^[^\x00-\x1f\x7f]*$"


class RequestModel(BaseModel):
    """Unknown keys are refused; numbers are strict through the field types below."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, str_strip_whitespace=False)


class ResponseModel(BaseModel):
    """Every key is always there; more keys may be added."""

    model_config = ConfigDict(extra="allow", json_schema_serialization_defaults_required=True)


def _number(value: Any) -> Any:
    """Neither bool nor text is a number; an integer too large for a float is out of bounds, not a crash."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise PydanticCustomError("number_type", "expected a number")
    if isinstance(value, int) and abs(value) > 2**63:
        raise PydanticCustomError("number_size", "expected a number of ordinary size")
    return value


def _weight(value: float) -> float:
    got = f"{value:g}"
    if value < 0:
        message = "expected a weight from 0 to 1, got {got}: books are long-only"
        raise PydanticCustomError("leverage_not_supported", message, {"got": got})
    if 1 < value <= 100:
        message = "expected a fraction from 0 to 1, got {got}: did you mean {fraction}?"
        raise PydanticCustomError("weight_range", message, {"got": got, "fraction": f"{value / 100:.2f}"})
    if value > 1:
        raise PydanticCustomError("weight_range", "expected a fraction from 0 to 1, got {got}", {"got": got})
    return value


def _small(value: dict[str, Any]) -> dict[str, Any]:
    size = len(json.dumps(value))
    if size > METADATA_BYTES:
        message = "expected at most {most} bytes of JSON, got {size}"
        raise PydanticCustomError("metadata_too_large", message, {"most": METADATA_BYTES, "size": size})
    return value


def _symbol(value: str) -> str:
    return value.strip().upper()


def unique_symbols(value: Any) -> Any:
    """Refuses an object in which two keys name one symbol ("aapl" and "AAPL")."""
    if isinstance(value, dict) and len({_symbol(key) for key in value}) != len(value):
        raise PydanticCustomError("symbol_twice", "expected each symbol once, got one in two spellings")
    return value


Number = Annotated[float, BeforeValidator(_number)]
Integer = Annotated[int, Field(strict=True)]
Flag = StrictBool
Weight = Annotated[Number, AfterValidator(_weight), Field(json_schema_extra={"minimum": 0, "maximum": 1})]
Symbol = Annotated[str, AfterValidator(_symbol), Field(pattern=SYMBOL_PATTERN, examples=["AAPL"])]
Utc = Annotated[
    datetime,
    PlainSerializer(iso, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Metadata = Annotated[dict[str, Any], AfterValidator(_small)]


class FieldProblem(BaseModel):
    """One wrong field."""

    field: str
    message: str


class ErrorBody(BaseModel):
    """The body of every answer that is not 2xx."""

    detail: str
    code: str
    errors: list[FieldProblem]
    request_id: str
