"""Which source a service runs on, and that it says so."""

from __future__ import annotations

import logging
from pathlib import Path

import httpx
import pytest

from portfolio_service.adapters.market_data import choose as choice
from portfolio_service.adapters.market_data import yahoo
from portfolio_service.adapters.market_data.choose import choose
from portfolio_service.app import create_app, running
from portfolio_service.config import load_settings
from tests.service.conftest import create_tech
from tests.service.fakes import ManualClock

URL = "http://127.0.0.1:8800"


@pytest.mark.parametrize(
    ("url", "package", "error", "source", "reason"),
    [
        (URL, True, None, "engine", "MARKET_DATA_URL is set"),
        (None, False, None, "simulated", "yfinance is not installed"),
        (None, True, "ConnectError: no route", "simulated", "Yahoo is not reachable (ConnectError: no route)"),
        (None, True, None, "yahoo", "yfinance is installed and Yahoo answers"),
    ],
)
async def test_auto(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    url: str | None,
    package: bool,
    error: str | None,
    source: str,
    reason: str,
) -> None:
    probed = []

    async def unreachable(within_s: float) -> str | None:
        probed.append(within_s)
        return error

    monkeypatch.setattr(yahoo, "installed", lambda: package)
    monkeypatch.setattr(yahoo, "unreachable", unreachable)
    monkeypatch.setattr(yahoo, "_yfinance", lambda: None)
    with caplog.at_level(logging.INFO):
        market = await choose("auto", url, None, ManualClock())
    assert market.source == source
    assert reason in market.state.reason
    assert probed == ([choice.PROBE_S] if package and url is None else [])
    assert choice.PROBE_S <= 3
    warned = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert market.state.warnings == warned
    assert bool(warned) is (source == "simulated")
    await market.close()


@pytest.mark.parametrize(("provider", "url"), [("simulated", None), ("simulated", URL), ("engine", URL)])
async def test_a_named_source_is_taken(provider: str, url: str | None) -> None:
    market = await choose(provider, url, None, ManualClock())
    assert (market.source, market.state.reason) == (provider, f"MARKET_DATA_PROVIDER={provider}")
    assert market.state.warnings == []
    await market.close()


@pytest.mark.parametrize(("provider", "word"), [("engine", "MARKET_DATA_URL"), ("files", "MARKET_DATA_DIR")])
async def test_a_source_without_its_setting(provider: str, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        await choose(provider, None, None, ManualClock())


async def test_health_says_which_and_why(tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yahoo, "installed", lambda: False)
    app = create_app(load_settings(data_dir=tmp_path, market_data_provider="auto", log_level="error"), clock)
    async with running(app), httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http:
        found = (await http.get("/health")).json()
    assert found["market_data"]["source"] == "simulated"
    assert found["market_data"]["reason"].startswith("auto: MARKET_DATA_URL is not set and yfinance is not installed")
    assert any("market data is simulated, its prices are invented" in warning for warning in found["warnings"])


async def test_books_of_another_source_are_shown_but_not_traded(tmp_path: Path, clock: ManualClock) -> None:
    settings = load_settings(data_dir=tmp_path, market_data_provider="simulated", log_level="error")
    async with running(app := create_app(settings, clock)), _client(app) as http:
        portfolio_id = await create_tech(http)
    lines = ["date,AAPL,GOOGL,MSFT,NVDA,TSLA"]
    lines += [f"2025-08-{day},10{day % 10},200,300,400,500" for day in (18, 19, 20, 21, 22)]
    (tmp_path / "adj_close.csv").write_text("\n".join(lines))
    other = load_settings(data_dir=tmp_path, market_data_provider="files", market_data_dir=tmp_path, log_level="error")
    async with running(app := create_app(other, clock)), _client(app) as http:
        path = f"/portfolios/{portfolio_id}"
        found = (await http.get(path)).json()
        assert (found["provider"], found["provider_mismatch"]) == ("simulated", True)
        assert {position["price_source"] for position in found["positions"].values()} == {"files"}
        refused = await http.post(f"{path}/rebalance", json={"target_weights": {"AAPL": 0.5}})
        assert (refused.status_code, refused.json()["code"]) == (409, "provider_mismatch")
        body = {"positions": {"AAPL": {"quantity": 5}}}
        refused = await http.post(f"{path}/positions", json=body)
        assert (refused.status_code, refused.json()["code"]) == (409, "provider_mismatch")
        assert "MARKET_DATA_PROVIDER=simulated" in refused.json()["detail"]
        body = {"positions": {"AAPL": {"quantity": 5, "market_value": 700}, "TSLA": {"quantity": 0}}}
        accepted = await http.post(f"{path}/positions", json=body)
        assert accepted.status_code == 200
        after = (await http.get(path)).json()
        assert after["positions"]["AAPL"]["market_value"] == 700
        assert after["positions"]["AAPL"]["price_source"] == "client"
        assert "TSLA" not in after["positions"]
        assert after["total_value"] == pytest.approx(
            sum(position["market_value"] for position in after["positions"].values()) + after["cash_balance"], abs=1e-6
        )
        fresh = await create_tech(http)
        assert (await http.get(f"/portfolios/{fresh}")).json()["provider_mismatch"] is False


def _client(app: object) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost")
