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
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from portfolio_service.domain.clock import iso
from portfolio_service.domain.targets import TOLERANCE

SYMBOL_PATTERN = r"^ *[A-Za-z0-9][A-Za-z0-9.^=_-]{0,19} *$"
METADATA_BYTES = 16 * 1024
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9 ._&/-]{0,63}$"
TEXT_PATTERN = r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$"  # not blank, no control characters


class RequestModel(BaseModel):
    """Unknown keys are refused; numbers are strict through the field types below."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, str_strip_whitespace=False)


class ResponseModel(BaseModel):
    """Every key is always there; more keys may be added."""

    model_config = ConfigDict(extra="allow", json_schema_serialization_defaults_required=True)

    def to_json(self) -> bytes:
        """The body of an answer."""
        return self.model_dump_json(by_alias=True).encode()


def _whole(value: Any) -> Any:
    """269.0 is an integer in JSON."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _weight(value: float) -> float:
    got = f"{value:g}"
    if value < 0:
        message = "expected a weight from 0 to 1, got {got}: books are long-only"
        raise PydanticCustomError("leverage_not_supported", message, {"got": got})
    if 1 + TOLERANCE < value <= 100:
        message = "expected a fraction from 0 to 1, got {got}: did you mean {fraction}?"
        fraction = f"{value / 100:.2f}" if value.is_integer() else f"{value / 100:g}"
        raise PydanticCustomError("weight_range", message, {"got": got, "fraction": fraction})
    if value > 1 + TOLERANCE:
        raise PydanticCustomError("weight_range", "expected a fraction from 0 to 1, got {got}", {"got": got})
    return value


def _percent(value: Any) -> Any:
    """12 for 0.12 is refused with the number that was meant."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 10 < value <= 100:
        message = "expected an annual fraction, got {got}: did you mean {fraction}?"
        raise PydanticCustomError("rate_range", message, {"got": f"{value:g}", "fraction": f"{value / 100:g}"})
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


# Constraints stand before validators: only so do they reach the OpenAPI document.
Number = Annotated[float, Field(strict=True)]
WHOLE = BeforeValidator(_whole)
Flag = StrictBool
Weight = Annotated[Number, AfterValidator(_weight), Field(json_schema_extra={"minimum": 0, "maximum": 1})]
Symbol = Annotated[str, Field(pattern=SYMBOL_PATTERN, examples=["AAPL"]), AfterValidator(_symbol)]
Symbols = Annotated[list[Symbol], Field(min_length=1, max_length=500)]
CLOSED: JsonDict = {"additionalProperties": False}  # no key but those of the pattern
Weights = Annotated[
    dict[Symbol, Weight], Field(max_length=1000, json_schema_extra=CLOSED), BeforeValidator(unique_symbols)
]
Money = Annotated[Number, Field(ge=0, lt=1e12)]
Quantity = Annotated[Number, Field(ge=0, lt=9e10)]
PERCENT = BeforeValidator(_percent)
Rate = Annotated[Number, Field(ge=-1, le=10), PERCENT]
RiskFreeRate = Annotated[Number, Field(ge=-0.5, le=1)]
Lookback = Annotated[int, Field(strict=True, ge=30, le=5040), WHOLE]
Id = Annotated[str, Field(max_length=64)]
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
