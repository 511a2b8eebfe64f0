"""What the tests of image, compose and units share."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from portfolio_service.config import Settings

ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT.parent / "shared" / "spec" / "portfolio-engine.md"
sys.path.insert(0, str(ROOT / "deploy" / "image"))

VARIABLES = {name.upper() for name in Settings.model_fields}
# Not ours, but of a program that we start.
THIRD_PARTY = {
    "GF_ANALYTICS_CHECK_FOR_UPDATES",
    "GF_ANALYTICS_REPORTING_ENABLED",
    "GF_SECURITY_ADMIN_PASSWORD",
    "GF_USERS_ALLOW_SIGN_UP",
    "MPLCONFIGDIR",
    "PATH",
    "POSTGRES_DB",
    "POSTGRES_PASSWORD",
    "POSTGRES_USER",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONUNBUFFERED",
}
# The contract's container, letter by letter (section "Docker Configuration").
CONTRACT_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "4",
    "OMP_NUM_THREADS": "4",
    "HARDWARE_PLATFORM": "m4_max",
    "ENABLE_METAL_ACCELERATION": "true",
    "ENABLE_NEURAL_ENGINE": "true",
    "PORTFOLIO_OPTIMIZATION_WORKERS": "4",
    "OPTIMIZATION_BATCH_SIZE": "500",
    "OPTIMIZATION_TIMEOUT": "300",
    "MAX_PORTFOLIOS": "1000",
    "REBALANCE_CHECK_INTERVAL": "3600",
    "RISK_FREE_RATE": "0.02",
    "OPTIMIZATION_CACHE_TTL": "1800",
    "PORTFOLIO_MAX_MEMORY": "8g",
    "PORTFOLIO_MAX_CPU": "4.0",
}
CONTRACT_COMPOSE = """
portfolio:
  build: ./backend/engines/portfolio
  ports:
    - "8900:8900"
  environment:
    - M4_MAX_OPTIMIZED=1
    - ENABLE_METAL_ACCELERATION=true
    - ENABLE_NEURAL_ENGINE=true
    - PORTFOLIO_OPTIMIZATION_WORKERS=4
  deploy:
    resources:
      limits:
        memory: 8G
        cpus: '4.0'
  depends_on:
    - marketdata
    - postgres
  healthcheck:
    test: ["CMD", "curl", "-f", "http://localhost:8900/health"]
    interval: 30s
    timeout: 10s
    retries: 3
"""


def environment_of(service: dict[str, object]) -> dict[str, str]:
    """Compose takes a list of NAME=value or a mapping."""
    given = service.get("environment") or {}
    if isinstance(given, list):
        return dict(str(item).split("=", 1) for item in given)
    assert isinstance(given, dict)
    return {name: str(value) for name, value in given.items()}


def package_version() -> str:
    """As pyproject.toml has it."""
    found = re.search(r'^version = "([^"]+)"', (ROOT / "pyproject.toml").read_text(), re.M)
    assert found
    return found[1]
