"""The environment: what is documented is understood, what is wrong is named in one line, secrets stay secret."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from portfolio_service.config import ConfigError, Settings, is_loopback, load_settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("PORT", "abc", "PORT: expected a port number from 0 to 65535 (0 picks a free one), got 'abc'"),
        ("PORT", "70000", "PORT: expected a port number"),
        ("RISK_FREE_RATE", "nan", "RISK_FREE_RATE: expected an annual rate"),
        ("RISK_FREE_RATE", "2", "RISK_FREE_RATE: expected an annual rate"),
        ("MAX_PORTFOLIOS", "0", "MAX_PORTFOLIOS: expected a whole number"),
        ("PORTFOLIO_OPTIMIZATION_WORKERS", "four", "PORTFOLIO_OPTIMIZATION_WORKERS: expected a number of threads"),
        ("PORTFOLIO_MAX_MEMORY", "8 potatoes", "PORTFOLIO_MAX_MEMORY: expected a size such as 8g"),
        ("ENABLE_METAL_ACCELERATION", "maybe", "ENABLE_METAL_ACCELERATION: expected true or false, got 'maybe'"),
        ("OPTIMIZATION_TIMEOUT", "-1", "OPTIMIZATION_TIMEOUT: expected seconds"),
        ("BENCHMARK_SYMBOL", "spy!", "BENCHMARK_SYMBOL: expected a symbol"),
        ("LOG_FORMAT", "xml", "LOG_FORMAT: expected auto, json or text, got 'xml'"),
        ("ALLOWED_HOSTS", "http://x/", "ALLOWED_HOSTS: expected host names separated by commas"),
        ("MARKET_DATA_PROVIDER", "bloomberg", "expected auto, engine, yahoo, files or simulated, got 'bloomberg'"),
        (
            "MARKET_DATA_PROVIDER",
            "engine",
            "MARKET_DATA_URL: expected the engine's address such as http://127.0.0.1:8800",
        ),
        ("MARKET_DATA_URL", "localhost:8800", "MARKET_DATA_URL: expected the engine's address"),
        ("MARKET_DATA_URL", "ftp://localhost:8800", "MARKET_DATA_URL: expected the engine's address"),
        ("MARKET_DATA_URL", "http://", "MARKET_DATA_URL: expected the engine's address"),
        ("MARKET_DATA_URL", "http://localhost:99999", "MARKET_DATA_URL: expected the engine's address"),
        ("MARKET_DATA_URL", "http://localhost:8800/?key=1", "MARKET_DATA_URL: expected the engine's address"),
        ("MARKET_DATA_URL", "http://local host/", "MARKET_DATA_URL: expected the engine's address"),
        ("MARKET_DATA_PROVIDER", "files", "MARKET_DATA_DIR: expected a CSV or Parquet file of prices"),
        ("MARKET_DATA_DIR", "prices.csv", "MARKET_DATA_PROVIDER: expected files beside MARKET_DATA_DIR=prices.csv"),
        ("HOST", "0.0.0.0", "HOST: expected a loopback address"),
    ],
)
def test_a_wrong_value_is_one_line(monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=re.escape(expected)) as error:
        load_settings()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgresql://user:hunter22@db"),
        ("DATABASE_URL", "postgresql://user:hun/ter22@db/books"),
        ("DATABASE_URL", "mysql://user:hunter22@db/books"),
        ("REDIS_URL", "redis://:hunter22@cache:6379"),
        ("MARKET_DATA_URL", "http://trader:hunter22@engine:8800"),
        ("API_KEY", "hunter2"),
    ],
)
def test_a_refused_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=f"^{name}: expected .*, got a value that is not shown$") as error:
        load_settings()
    assert "hunter" not in str(error.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8800", "https://engine.example/v1", "http://[::1]:8800", "http://e"])
def test_an_address_of_an_engine(url: str) -> None:
    assert load_settings(market_data_provider="engine", market_data_url=f"{url}/").market_data_url == url


def test_yahoo_without_its_package_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portfolio_service.config.find_spec", lambda name: None)
    monkeypatch.setenv("MARKET_DATA_PROVIDER", "yahoo")
    with pytest.raises(ConfigError, match=re.escape("pip install 'portfolio-engine[yahoo]'")):
        load_settings()


def test_two_wrong_values_are_two_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "x")
    monkeypatch.setenv("MAX_PORTFOLIOS", "y")
    with pytest.raises(ConfigError) as error:
        load_settings()
    assert sorted(line.partition(":")[0] for line in str(error.value).splitlines()) == ["MAX_PORTFOLIOS", "PORT"]


def test_the_documented_container_environment_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    documented = {
        "HARDWARE_PLATFORM": "m4_max",
        "M4_MAX_OPTIMIZED": "1",
        "ENABLE_METAL_ACCELERATION": "true",
        "ENABLE_NEURAL_ENGINE": "true",
        "PORTFOLIO_OPTIMIZATION_WORKERS": "4",
        "OPTIMIZATION_BATCH_SIZE": "500",
        "OPTIMIZATION_TIMEOUT": "300",
        "MAX_PORTFOLIOS": "1000",
        "REBALANCE_CHECK_INTERVAL": "3600",
        "RISK_FREE_RATE": "0.02",
        "OPTIMIZATION_CACHE_TTL": "1800",
        "OPENBLAS_NUM_THREADS": "4",
        "OMP_NUM_THREADS": "4",
        "PORTFOLIO_MAX_MEMORY": "8g",
        "PORTFOLIO_MAX_CPU": "4.0",
    }
    for name, value in documented.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert settings.portfolio_max_memory == 8 * 2**30
    assert settings.native_threads == 4
    assert settings.optimization_timeout == 300
    assert settings.enable_metal_acceleration
    assert settings.m4_max_optimized


def test_overrides_come_before_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PORT", "9000")
    assert load_settings(port=9001).port == 9001
    assert load_settings(port=None).port == 9000
    assert load_settings(data_dir=tmp_path).database == tmp_path / "portfolio.db"
    assert load_settings(database_url="sqlite:////var/x.db").database == Path("/var/x.db")
    url = "postgresql://u:p@db:5432/books?sslmode=require"
    assert load_settings(database_url=url.replace("postgresql", "postgres", 1)).database == url
    assert "u:p" not in repr(load_settings(database_url=url))


def test_empty_variables_are_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "")
    monkeypatch.setenv("API_KEY", "")
    assert load_settings().api_key is None


def test_beyond_loopback_needs_a_key_or_the_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST", "0.0.0.0")
    monkeypatch.setenv("ALLOW_UNAUTHENTICATED", "1")
    assert load_settings().host == "0.0.0.0"
    monkeypatch.delenv("ALLOW_UNAUTHENTICATED")
    monkeypatch.setenv("API_KEY", "a-long-enough-key")
    assert load_settings().host == "0.0.0.0"


def test_allowed_hosts_keep_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {"localhost", "127.0.0.1", "::1", "portfolio", "nautilus-portfolio"} <= set(load_settings().allowed_hosts)
    monkeypatch.setenv("ALLOWED_HOSTS", "Books.Example.com, [::2]")
    assert load_settings().allowed_hosts == ("books.example.com", "::2", "localhost", "127.0.0.1", "::1")


def test_public_masks_secrets() -> None:
    shown = load_settings(api_key="a-long-enough-key").public()
    assert shown["API_KEY"] == "********"
    assert "a-long-enough-key" not in str(shown)
    assert shown["PORT"] == 8900


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False)],
)
def test_is_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_every_variable_is_documented() -> None:
    text = (ROOT / "docs" / "api.md").read_text()
    missing = [name.upper() for name in Settings.model_fields if f"`{name.upper()}`" not in text]
    assert not missing
