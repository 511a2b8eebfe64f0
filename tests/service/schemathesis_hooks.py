"""What schemathesis adds to its own checks here: symbols that exist, and errors that say which rule was broken."""

from __future__ import annotations

import os
import re
import uuid
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis import Case, CheckContext, HookContext, Response
from schemathesis.generation import GenerationMode

from portfolio_service.api.deps import EXAMPLE_ID, ID_PATTERN
from portfolio_service.api.etags import IF_MATCH_PATTERN
from portfolio_service.api.examples import EVENT
from portfolio_service.api.idempotency import KEY_PATTERN
from portfolio_service.api.idempotency import NAME as KEY_NAME
from portfolio_service.api.risk import ALERT, ALERT_PATTERN

KNOWN = ("AAPL", "MSFT", "GOOGL", "NVDA", "TSLA", "AMZN", "META", "JPM", "XOM", "JNJ")
ERRORS = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text()
SYNTAX = {"validation_error", "unknown_field", "invalid_json"}
SYMBOL_LISTS = {"symbols", "assets"}
SYMBOL_KEYS = {"positions", "target_weights", "max_weights", "min_weights", "returns"}
TRUE = {"true", "1", "yes", "on", "t", "y"}
EXAMPLES = {"portfolio_id": EXAMPLE_ID, "alert_id": ALERT["example"]}
SYMBOL = re.compile(r" *[A-Za-z0-9][A-Za-z0-9.^=_-]{0,19} *")


def _known(symbol: Any) -> Any:
    """A symbol of the simulated market in place of a well-formed random one; anything else stays as it is."""
    if isinstance(symbol, str) and SYMBOL.fullmatch(symbol):
        return KNOWN[sum(symbol.encode()) % len(KNOWN)]
    return symbol


def _with_known_symbols(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_known_symbols(item) for item in value]
    if not isinstance(value, dict):
        return value
    found = {}
    for key, item in value.items():
        if key in SYMBOL_LISTS and isinstance(item, list):
            item = [_known(symbol) for symbol in item]
        elif key in SYMBOL_KEYS | {"weights", "coefficients", "risk_budgets"} and isinstance(item, dict):
            item = {_known(symbol): inner for symbol, inner in item.items()}
        found[key] = _with_known_symbols(item)
    return found


@schemathesis.hook
def map_body(context: HookContext, body: Any) -> Any:
    """Half of the cases keep their random symbols, the others reach the computations."""
    return _with_known_symbols(body) if len(str(body)) % 2 else body


def _existing(identifier: Any) -> Any:
    """One that exists in place of a well-formed one; a malformed one stays, it is what a negative case is about."""
    if re.fullmatch(ID_PATTERN, str(identifier)):
        return os.environ["SCHEMATHESIS_PORTFOLIO"]
    return os.environ["SCHEMATHESIS_ALERT"] if re.fullmatch(ALERT_PATTERN, str(identifier)) else identifier


@schemathesis.hook
def map_path_parameters(context: HookContext, path_parameters: dict[str, Any] | None) -> dict[str, Any] | None:
    """A portfolio or an alert that exists; only DELETE keeps random ids, or the first case would end it for all."""
    operation = context.operation
    if not path_parameters or operation is None or operation.method.upper() == "DELETE":
        return path_parameters
    return {name: _existing(value) for name, value in path_parameters.items()}


@schemathesis.hook
def map_headers(context: HookContext, headers: dict[str, Any] | None) -> dict[str, Any] | None:
    """Most random versions make way for any version, or a change would seldom come to pass."""
    sent = (headers or {}).get("If-Match")
    if headers and isinstance(sent, str) and re.fullmatch(IF_MATCH_PATTERN, sent) and len(sent) % 4:
        return {**headers, "If-Match": "*"}
    return headers


@schemathesis.hook
def before_call(context: HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    """For every phase, the examples of the document too: a stream of events that ends (the endless one has tests of its
    own), a portfolio and an alert that exist in place of the documented ids, and a new key for each request: to a
    known one the first answer comes again, whatever else is wrong by then."""
    if re.fullmatch(KEY_PATTERN, str((case.headers or {}).get(KEY_NAME, ""))):
        case.headers[KEY_NAME] = uuid.uuid4().hex
    if case.operation.path == "/events" and str((case.query or {}).get("follow", True)).lower() in TRUE:
        case.query = {**(case.query or {}), "follow": "false"}
    if (case.query or {}).get("portfolio_id") == EVENT["id"]:  # an example's `id` is taken for one of a portfolio
        case.query["portfolio_id"] = os.environ["SCHEMATHESIS_PORTFOLIO"]
    for name, example in EXAMPLES.items():
        if (case.path_parameters or {}).get(name) == example and case.operation.method.upper() != "DELETE":
            case.path_parameters[name] = os.environ[f"SCHEMATHESIS_{name.removesuffix('_id').upper()}"]


@schemathesis.check
def errors_have_a_documented_code(context: CheckContext, response: Response, case: Case) -> None:
    """Every error has a code of the table; a request that fits the schema is refused for a reason of substance."""
    if response.status_code < 400 or response.headers["content-type"][0].partition(";")[0] != "application/json":
        return
    body = response.json()
    if "code" not in body:  # /health says 503 in its own shape
        return
    assert f"| `{body['code']}` |" in ERRORS, f"{body['code']} is not in docs/api.md"
    fits = case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE
    sent = (case.headers or {}).get("If-Match", "*")
    fits = fits and re.fullmatch(IF_MATCH_PATTERN, str(sent)) is not None  # "0" is sent for one that fits its pattern
    assert not (fits and response.status_code == 422 and body["code"] in SYNTAX), body
