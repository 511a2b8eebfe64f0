"""Every environment variable of the service, typed, by its documented name; a wrong value is one clear line."""

from __future__ import annotations

import ipaddress
import re
import socket
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from platformdirs import user_data_dir
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
_MEMORY_UNITS = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_SECRETS = {"api_key", "database_url", "redis_url"}  # their values never appear in a message or a log


class ConfigError(ValueError):
    """One or more wrong values; `str()` is one line for each: variable, what was expected, what came."""


class Settings(BaseSettings):
    """The environment. Each description completes "VARIABLE: expected ..."."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True)

    # The contract's variables
    hardware_platform: str | None = Field(None, description="a platform name such as m4_max", max_length=64)
    m4_max_optimized: bool = Field(False, description="0 or 1")
    enable_metal_acceleration: bool | None = Field(None, description="true or false")
    enable_neural_engine: bool = Field(False, description="true or false")
    portfolio_optimization_workers: int = Field(4, description="a number of threads from 1 to 256", ge=1, le=256)
    optimization_batch_size: int = Field(500, description="a whole number from 1 to 100000", ge=1, le=100_000)
    optimization_timeout: float = Field(300, description="seconds from 0.001 to 86400", ge=0.001, le=86400)
    max_portfolios: int = Field(1000, description="a whole number from 1 to 1000000", ge=1, le=1_000_000)
    rebalance_check_interval: int = Field(3600, description="whole seconds from 1 to 31536000", ge=1, le=31_536_000)
    risk_free_rate: float = Field(0.02, description="an annual rate from -0.5 to 1, such as 0.02", ge=-0.5, le=1)
    optimization_cache_ttl: float = Field(1800, description="seconds from 0 to 31536000", ge=0, le=31_536_000)
    portfolio_max_memory: int = Field(8 * 2**30, description="a size such as 8g or 512m, at least 64m", ge=64 * 2**20)
    portfolio_max_cpu: float | None = Field(None, description="a number of cores from 0.1 to 1024", ge=0.1, le=1024)
    omp_num_threads: int | None = Field(None, description="a number of threads from 1 to 1024", ge=1, le=1024)
    openblas_num_threads: int | None = Field(None, description="a number of threads from 1 to 1024", ge=1, le=1024)

    # Ours
    host: str = Field("127.0.0.1", description="an address or a host name to listen on", min_length=1, max_length=255)
    port: int = Field(8900, description="a port number from 0 to 65535 (0 picks a free one)", ge=0, le=65535)
    data_dir: Path = Field(
        default_factory=lambda: Path(user_data_dir("portfolio-engine", False)), description="a folder"
    )
    database_url: str | None = Field(
        None, description="sqlite:///PATH or postgresql://user:password@host/database", repr=False
    )
    redis_url: str | None = Field(None, description="no value: this version has the in-process message bus only")
    market_data_provider: Literal["auto", "engine", "yahoo", "files", "simulated"] = Field(
        "auto", description="auto, engine, yahoo, files or simulated"
    )
    market_data_url: str | None = Field(
        None, description="the engine's address such as http://127.0.0.1:8800, without user, query or fragment"
    )
    market_data_dir: Path | None = Field(
        None, description="a CSV or Parquet file of prices, or a folder with adj_close.parquet or adj_close.csv"
    )
    estimation_days: int = Field(756, description="trading days from 30 to 5040", ge=30, le=5040)
    price_stale_seconds: float = Field(300, description="seconds from 1 to 31536000", ge=1, le=31_536_000)
    benchmark_symbol: str = Field("SPY", description="a symbol such as SPY", pattern=r"^[A-Z0-9][A-Z0-9.^=_-]{0,19}$")
    transaction_cost_bps: float = Field(10, description="basis points from 0 to 1000", ge=0, le=1000)
    api_key: SecretStr | None = Field(None, description="8 to 256 visible ASCII characters")
    allow_unauthenticated: bool = Field(False, description="0 or 1")
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (*LOOPBACK_NAMES, "portfolio", "nautilus-portfolio", socket.gethostname().lower()),
        description="host names separated by commas, without ports, or *",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="debug, info, warning or error")
    log_format: Literal["auto", "json", "text"] = Field("auto", description="auto, json or text")

    @field_validator("portfolio_max_memory", mode="before")
    @classmethod
    def _size(cls, value: Any) -> Any:
        match = re.fullmatch(r"(\d{1,15})\s*([bkmgt]?)(?:i?b)?", str(value).strip().lower())
        return int(match[1]) * _MEMORY_UNITS[match[2]] if match else value

    @field_validator("log_level", "log_format", "market_data_provider", mode="before")
    @classmethod
    def _lower(cls, value: Any) -> Any:
        return value.strip().lower() if isinstance(value, str) else value

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _hosts(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        names = [name.strip().lower().strip("[]") for name in value.split(",") if name.strip()]
        if not names or any("/" in name or " " in name for name in names):
            raise ValueError("not host names")
        return (*names, *(name for name in LOOPBACK_NAMES if name not in names))

    @field_validator("api_key")
    @classmethod
    def _key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.fullmatch(r"[!-~]{8,256}", value.get_secret_value()):
            raise ValueError("not a key")
        return value

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: str | None) -> str | None:
        if value is None or re.match(r"sqlite:///.", value):
            return value
        url = re.fullmatch(r"postgres(?:ql)?(?:\+psycopg)?(://[^/?#]*/[^/?#]+(\?.*)?)", value)
        if url is None:
            raise ValueError("neither SQLite nor PostgreSQL")
        return f"postgresql{url[1]}"

    @field_validator("market_data_url")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value.strip())
        host = re.fullmatch(r"[A-Za-z0-9._-]+|[0-9a-fA-F:]+", parts.hostname or "")
        extra = parts.username or parts.password or parts.query or parts.fragment
        if parts.scheme not in ("http", "https") or not host or extra or parts.port == 0:  # .port: ValueError
            raise ValueError("not an address")
        return value.strip().rstrip("/")

    @field_validator("redis_url")
    @classmethod
    def _absent(cls, value: str | None) -> str | None:
        if value is not None:
            raise ValueError("not in this version")
        return value

    @property
    def database(self) -> Path | str:
        """The SQLite file, or the URL of a PostgreSQL database."""
        if self.database_url is None:
            return self.data_dir / "portfolio.db"
        if self.database_url.startswith("postgresql"):
            return self.database_url
        return Path(self.database_url.partition(":///")[2])

    @property
    def native_threads(self) -> int | None:
        """The cap on native threads, None when nothing was said."""
        caps = [self.omp_num_threads, self.openblas_num_threads]
        caps.append(max(1, int(self.portfolio_max_cpu)) if self.portfolio_max_cpu else None)
        return min((cap for cap in caps if cap), default=None)

    def public(self) -> dict[str, Any]:
        """Every variable and its value as plain JSON, secrets masked."""
        values = self.model_dump(mode="json")
        return {
            name.upper(): "********" if name in _SECRETS and value is not None else value
            for name, value in values.items()
        }


def load_settings(**overrides: Any) -> Settings:
    """Settings from the environment, `overrides` (lower-case names) before it; ConfigError names what is wrong."""
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        settings = Settings(**given)
    except ValidationError as error:
        raise ConfigError("\n".join(_line(str(item["loc"][0]), item["input"]) for item in error.errors())) from None
    _check_together(settings)
    return settings


def is_loopback(host: str) -> bool:
    """Whether `host` is reached from this machine only."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _line(name: str, got: Any) -> str:
    hidden = name in _SECRETS or (name == "market_data_url" and "@" in str(got))
    shown = "a value that is not shown" if hidden else "nothing" if got is None else repr(got)
    return f"{name.upper()}: expected {Settings.model_fields[name].description}, got {shown}"


def _check_together(settings: Settings) -> None:
    if not is_loopback(settings.host) and settings.api_key is None and not settings.allow_unauthenticated:
        raise ConfigError(
            "HOST: expected a loopback address such as 127.0.0.1, or API_KEY set, or ALLOW_UNAUTHENTICATED=1 to let "
            f"anybody on the network trade, got {settings.host!r}"
        )
    if settings.market_data_provider == "engine" and settings.market_data_url is None:
        raise ConfigError(_line("market_data_url", None))
    if settings.market_data_provider == "yahoo" and find_spec("yfinance") is None:
        raise ConfigError(
            "MARKET_DATA_PROVIDER: expected the package yfinance (pip install 'portfolio-engine[yahoo]') beside 'yahoo'"
        )
    folder = settings.market_data_dir
    if settings.market_data_provider == "files" and (folder is None or not folder.exists()):
        raise ConfigError(_line("market_data_dir", None if folder is None else str(folder)))
    if settings.market_data_provider == "auto" and folder is not None:
        raise ConfigError(
            f"MARKET_DATA_PROVIDER: expected files beside MARKET_DATA_DIR={folder} (or no MARKET_DATA_DIR), got 'auto'"
        )
