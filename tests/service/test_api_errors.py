"""Bad requests get the one documented shape, name what is wrong, and change nothing; never a 5xx."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from portfolio_service.config import Settings
from portfolio_service.domain.errors import Unavailable
from tests.service.conftest import create_tech

ROOT = Path(__file__).resolve().parents[2]
JSON = {"Content-Type": "application/json"}


def check_shape(response: httpx.Response) -> dict[str, Any]:
    body = response.json()
    assert set(body) == {"detail", "code", "errors", "request_id"}
    assert body["detail"]
    assert body["request_id"] == response.headers["x-request-id"]
    assert all(set(error) == {"field", "message"} for error in body["errors"])
    return dict(body)


NASTY = {
    "NaN": (b'{"portfolio_name": "a", "initial_value": NaN}', 400, "invalid_json"),
    "Infinity": (b'{"portfolio_name": "a", "initial_value": -Infinity}', 400, "invalid_json"),
    "1e400": (b'{"portfolio_name": "a", "initial_value": 1e400}', 400, "invalid_json"),
    "1e400 in metadata": (b'{"portfolio_name": "a", "metadata": {"x": 1e400}}', 400, "invalid_json"),
    "-0": (b'{"portfolio_name": "a", "initial_value": -0}', 422, "validation_error"),
    "-0.0 cash": (b'{"portfolio_name": "a", "cash_balance": -0.0}', 201, ""),
    "blank name": (b'{"portfolio_name": "  "}', 422, "validation_error"),
    "bool": (b'{"portfolio_name": "a", "initial_value": true}', 422, "validation_error"),
    "text": (b'{"portfolio_name": "a", "initial_value": "100"}', 422, "validation_error"),
    "huge integer": (b'{"portfolio_name": "a", "initial_value": 1' + b"0" * 400 + b"}", 422, "validation_error"),
    "endless integer": (b'{"portfolio_name": "a", "initial_value": 1' + b"0" * 5000 + b"}", 400, "invalid_json"),
    "depth": (b"[" * 10_000 + b"]" * 10_000, 400, "invalid_json"),
    "depth of objects": (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, 400, "invalid_json"),
    "depth in metadata": (
        b'{"portfolio_name": "a", "metadata": {"x": ' + b"[" * 80 + b"]" * 80 + b"}}",
        400,
        "invalid_json",
    ),
    "lone surrogate": (b'{"portfolio_name": "\\ud800"}', 400, "invalid_json"),
    "lone surrogate in a key": (b'{"portfolio_name": "a", "metadata": {"\\udfff": 1}}', 400, "invalid_json"),
    "a pair of surrogates": (b'{"portfolio_name": "\\ud83d\\ude80"}', 201, ""),
    "NUL": (b'{"portfolio_name": "a\\u0000"}', 422, "validation_error"),
    "NUL in metadata": (b'{"portfolio_name": "a", "metadata": {"x\\u0000": "\\u0000"}}', 201, ""),
    "raw NUL": (b'{"portfolio_name": "a\x00"}', 400, "invalid_json"),
    "duplicate keys": (b'{"portfolio_name": "a", "portfolio_name": "b"}', 400, "invalid_json"),
    "duplicate keys in metadata": (b'{"portfolio_name": "a", "metadata": {"x": 1, "x": 2}}', 400, "invalid_json"),
    "not UTF-8": (b'{"portfolio_name": "\xff"}', 400, "invalid_json"),
    "UTF-16": ('{"portfolio_name": "a"}'.encode("utf-16"), 400, "invalid_json"),
    "byte order mark": (b'\xef\xbb\xbf{"portfolio_name": "a"}', 400, "invalid_json"),
    "trailing text": (b'{"portfolio_name": "a"} x', 400, "invalid_json"),
    "an array": (b"[]", 422, "validation_error"),
    "null": (b"null", 422, "validation_error"),
    "nothing": (b"", 400, "invalid_json"),
    "metadata of 17 KB": (
        b'{"portfolio_name": "a", "metadata": {"x": "' + b"x" * 17_000 + b'"}}',
        422,
        "metadata_too_large",
    ),
    "over 1 MB": (b'{"portfolio_name": "' + b"x" * 2**20 + b'"}', 413, "body_too_large"),
    "10 MB": (b"x" * 10 * 2**20, 413, "body_too_large"),
}


@pytest.mark.parametrize("name", NASTY)
async def test_nasty_body(client: httpx.AsyncClient, name: str) -> None:
    body, status, code = NASTY[name]
    response = await client.post("/portfolios", content=body, headers=JSON)
    assert response.status_code == status, response.text
    if code:
        assert check_shape(response)["code"] == code
        assert (await client.get("/portfolios")).json()["count"] == 0
    else:
        details = await client.get(response.headers["location"])
        assert details.status_code == 200


async def test_metadata_comes_back_as_it_was_sent(client: httpx.AsyncClient) -> None:
    sent = {"x\u0000": "\u0000\U0001f680", "n": [1, 1.0, -0.0, 10**30, 1e-300, None, True], "": {}}
    created = await client.post("/portfolios", json={"portfolio_name": "m", "metadata": sent})
    assert (await client.get(created.headers["location"])).json()["metadata"] == sent


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/octet-stream", ""])
async def test_wrong_media_type(client: httpx.AsyncClient, kind: str) -> None:
    response = await client.post("/portfolios", content=b'{"portfolio_name": "a"}', headers={"Content-Type": kind})
    assert (response.status_code, check_shape(response)["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("announced", ["9" * 4000, "1048577"])
async def test_a_length_that_is_too_large_is_refused_before_the_body(client: httpx.AsyncClient, announced: str) -> None:
    response = await client.post("/portfolios", content=b"{}", headers={**JSON, "Content-Length": announced})
    assert (response.status_code, check_shape(response)["code"]) == (413, "body_too_large")


async def test_compressed_body_is_refused(client: httpx.AsyncClient) -> None:
    response = await client.post("/portfolios", content=b"x", headers={**JSON, "Content-Encoding": "gzip"})
    assert (response.status_code, check_shape(response)["code"]) == (415, "unsupported_media_type")


CROSSED = {"constraints": {"min_position_weight": 1.0, "max_position_weight": 0.6, "max_turnover": 0.0}}
CASES: list[tuple[str, dict[str, Any], str, str]] = [
    ("optimize", {"constraints": {"max_position_weigth": 0.3}}, "unknown_field", "did you mean max_position_weight?"),
    ("optimize", {"metod": "max_sharpe"}, "unknown_field", "did you mean method?"),
    ("optimize", {"xyzzy": 1}, "unknown_field", "known: constraints, lookback_days, "),
    ("optimize", {"views": [{"assets": ["AAPL"], "returns": 0.1}]}, "validation_error", "did you mean return?"),
    ("optimize", {"method": "max_sharp"}, "validation_error", "'mean_variance', 'risk_parity', 'min_variance'"),
    ("optimize", {"max_volatility": 18}, "validation_error", "did you mean 0.18?"),
    ("optimize", {"target_return": 12.5}, "validation_error", "did you mean 0.125?"),
    ("optimize", {"constraints": {"max_position_weight": 30}}, "validation_error", "did you mean 0.30?"),
    (
        "optimize",
        {"constraints": {"max_position_weight": 0.1}},
        "infeasible",
        "5 assets x max_position_weight 0.1 = 0.5",
    ),
    ("optimize", CROSSED, "infeasible", "min_position_weight 1 > max_position_weight 0.6"),
    ("rebalance", {"target_weights": {"AAPL": 30}}, "validation_error", "did you mean 0.30?"),
    ("rebalance", {"target_weights": {"AAPL": -0.1}}, "leverage_not_supported", "got -0.1: books are long-only"),
    ("rebalance", {"target_weights": {"AAPL": 0.6, "MSFT": 0.6}}, "leverage_not_supported", "1.2"),
    ("rebalance", {"target_weights": {"AAPL": 0.1, "aapl": 0.1}}, "symbol_twice", "two spellings"),
    ("rebalance", {"target_weights": {"A/B": 0.1}}, "validation_error", "expected text that matches"),
    ("rebalance", {"dry_run": 1}, "validation_error", "dry_run"),
    ("rebalance", {"target_weights": {"AAPL": 1.5}}, "validation_error", "did you mean 0.015?"),
    ("rebalance", {"target_weights": {"AAPL": 1.0}}, "unnamed_positions", "GOOGL"),
    ("rebalance", {"target_weights": {"AAPL": 1 + 1e-10}}, "unnamed_positions", 'sell them with "full": true'),
    ("rebalance", {"target_weights": {"NOSUCH": 0.1}}, "unknown_symbol", "NOSUCH"),
    ("positions", {"positions": {}}, "validation_error", "at least 1"),
    ("positions", {"positions": {"AAPL": {}}}, "validation_error", "positions.AAPL.quantity: required"),
    ("positions", {"positions": {"AAPL": {"quantity": -1}}}, "validation_error", "greater than or equal to 0"),
    ("positions", {"positions": {"AAPL": {"quantity": 9e10}}}, "validation_error", "less than 90000000000"),
    ("positions", {"positions": {"AAPL": {"quantity": 1, "avg_price": 1}}}, "unknown_field", "did you mean avg_cost?"),
]


@pytest.mark.parametrize(("call", "body", "code", "words"), CASES)
async def test_422_says_what_is_wrong(
    client: httpx.AsyncClient, call: str, body: dict[str, Any], code: str, words: str
) -> None:
    portfolio_id = await create_tech(client)
    before = (await client.get(f"/portfolios/{portfolio_id}")).json()
    response = await client.post(f"/portfolios/{portfolio_id}/{call}", json=body)
    answer = check_shape(response)
    assert (response.status_code, answer["code"]) == (422, code)
    assert words in answer["detail"], answer["detail"]
    assert (await client.get(f"/portfolios/{portfolio_id}")).json() == before


async def test_unknown_symbols_are_all_named(client: httpx.AsyncClient) -> None:
    body = {"portfolio_name": "x", "symbols": ["AAPL", "NOSUCH", "NEITHER"]}
    response = await client.post("/portfolios/with-symbols", json=body)
    answer = check_shape(response)
    assert (response.status_code, answer["code"]) == (422, "unknown_symbol")
    assert re.search(r"NOSUCH, NEITHER\. simulated knows 1\d\d symbols", answer["detail"])


async def test_conflicts(client: httpx.AsyncClient) -> None:
    empty = (await client.post("/portfolios", json={"portfolio_name": "e"})).json()["portfolio_id"]
    for call, code in (("optimize", "no_positions"), ("rebalance", "no_target")):
        response = await client.post(f"/portfolios/{empty}/{call}", json={})
        assert (response.status_code, check_shape(response)["code"]) == (409, code)


@pytest.mark.parametrize(
    "path", ["/portfolios/{portfolio_id}", "/portfolios/port_000000000000", "/portfolios/%00/trades"]
)
async def test_unknown_portfolio(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert (response.status_code, check_shape(response)["code"]) == (404, "portfolio_not_found")


async def test_unknown_path(client: httpx.AsyncClient) -> None:
    response = await client.get("/nothing/here")
    assert (response.status_code, check_shape(response)["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/portfolios/with-symbols", "OPTIONS, POST"),
        ("DELETE", "/portfolios/with-symbols", "OPTIONS, POST"),
        ("PUT", "/portfolios", "GET, HEAD, OPTIONS, POST"),
        ("PUT", "/portfolios/port_000000000000", "DELETE, GET, HEAD, OPTIONS, PATCH"),
        ("GET", "/portfolios/port_000000000000/optimize", "OPTIONS, POST"),
        ("POST", "/health", "GET, HEAD, OPTIONS"),
        ("POST", "/", "GET, HEAD, OPTIONS"),
    ],
)
async def test_405_lists_all_methods_in_one_header(
    client: httpx.AsyncClient, method: str, path: str, allow: str
) -> None:
    response = await client.request(method, path)
    assert (response.status_code, check_shape(response)["code"]) == (405, "method_not_allowed")
    assert response.headers.get_list("allow") == [allow]


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "offset=-1", "offset=1e3", "limit=NaN"])
async def test_wrong_query(client: httpx.AsyncClient, query: str) -> None:
    response = await client.get(f"/portfolios?{query}")
    assert (response.status_code, check_shape(response)["code"]) == (422, "validation_error")


@pytest.mark.parametrize("days", [0, 36501, -1])
async def test_period_is_bounded(client: httpx.AsyncClient, days: int) -> None:
    portfolio_id = await create_tech(client)
    response = await client.get(f"/portfolios/{portfolio_id}/performance", params={"period_days": days})
    assert (response.status_code, check_shape(response)["code"]) == (422, "validation_error")


async def test_an_unexpected_error_is_500_in_the_same_shape_and_logged(
    client: httpx.AsyncClient, app: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> float:
        raise RuntimeError("a bug")

    monkeypatch.setattr(app.state.services.live, "total_aum", broken)
    response = await client.get("/portfolios", headers={"X-Request-ID": "find-me-1"})
    assert response.status_code == 500
    assert check_shape(response)["code"] == "internal_error"
    assert "a bug" not in response.text
    assert response.headers["x-request-id"] == "find-me-1"


async def test_overload_says_when_to_come_back(
    client: httpx.AsyncClient, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    portfolio_id = await create_tech(client)

    async def full(_function: object, _cancel: object) -> object:
        raise Unavailable("overloaded", "the queue is full", retry_after_s=7)

    monkeypatch.setattr(app.state.services.optimisation.workers, "run", full)
    response = await client.post(f"/portfolios/{portfolio_id}/optimize", json={})
    assert (response.status_code, check_shape(response)["code"]) == (503, "overloaded")
    assert response.headers["retry-after"] == "7"


class TestLimit:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"max_portfolios": 1})

    async def test_max_portfolios(self, client: httpx.AsyncClient) -> None:
        first = await create_tech(client)
        full = await client.post("/portfolios", json={"portfolio_name": "b"})
        assert (full.status_code, check_shape(full)["code"]) == (409, "portfolio_limit_reached")
        await client.delete(f"/portfolios/{first}")
        assert (await client.post("/portfolios", json={"portfolio_name": "b"})).status_code == 201


ERROR_CLASSES = {"NotFound", "Conflict", "Unacceptable", "PreconditionFailed", "Unavailable", "TimedOut", "DomainError"}
ERROR_MAKERS = {"__init__", "ApiError", "error_response", "PydanticCustomError", "_closing", "_refuse"}


def codes_in_source() -> set[str]:
    """Every error code written in the service: the first text among the arguments of whatever makes an error."""
    found = set()
    for path in (ROOT / "service" / "portfolio_service").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name == "__init__" and "adapters" in path.parts:
                continue  # what adapters raise among themselves never reaches a client
            if name in ERROR_CLASSES | ERROR_MAKERS:
                texts = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
                found |= set(texts[:1]) if name != "PydanticCustomError" else set(texts[:1]) & OWN
    return found


OWN = {"leverage_not_supported", "metadata_too_large", "symbol_twice"}


def test_every_code_in_use_is_documented_and_every_documented_code_is_in_use() -> None:
    text = (ROOT / "docs" / "api.md").read_text()
    table = set(re.findall(r"^\| `([a-z_]+)` \| (?:\d{3}|start)", text, re.MULTILINE))
    used = codes_in_source() | {"validation_error", "unknown_field"}
    assert used - table == set(), "not in docs/api.md"
    assert table - used == set(), "documented, but nowhere in the source"
