"""compose.yaml against the settings, the files it mounts and the image; and the contract's own block."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from portfolio_service.config import load_settings
from tests.setup.deployment import (
    CONTRACT_COMPOSE,
    CONTRACT_ENVIRONMENT,
    ROOT,
    SPEC,
    THIRD_PARTY,
    VARIABLES,
    environment_of,
    package_version,
)

from dockerfile import read  # isort: skip (its folder is put on the path above)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "compose.yaml").read_text()))


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """No setting of the machine's own."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_services_wait_for_healthy_ones_and_each_has_a_check_and_a_limit(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert set(services) == {"portfolio", "marketdata", "postgres", "prometheus", "grafana"}
    for name, service in services.items():
        assert service["healthcheck"]["test"][0] == "CMD", name
        assert service["deploy"]["resources"]["limits"]["memory"], name
        for needed, how in service.get("depends_on", {}).items():
            assert needed in services
            assert how == {"condition": "service_healthy"}
    assert set(services["portfolio"]["depends_on"]) == {"marketdata", "postgres"}


def test_the_service_is_the_documented_one(compose: dict[str, Any]) -> None:
    service = compose["services"]["portfolio"]
    assert service["container_name"] == "nautilus-portfolio"
    assert service["deploy"]["resources"]["limits"] == {"memory": "8G", "cpus": "4.0"}
    assert service["healthcheck"]["test"] == ["CMD", "curl", "-f", "http://localhost:8900/health"]
    assert (ROOT / service["build"] / "Dockerfile").exists()


def test_images_are_pinned_and_only_loopback_is_published(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        name, _, version = service["image"].partition(":")
        assert re.match(r"v?\d+\.\d+", version), service["image"]
        assert name != "portfolio-engine" or version == package_version()
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:")


def test_every_variable_is_known_and_the_settings_accept_ours(
    compose: dict[str, Any], bare: pytest.MonkeyPatch
) -> None:
    for service in compose["services"].values():
        assert set(environment_of(service)) <= VARIABLES | THIRD_PARTY
    image = read(ROOT / "Dockerfile")[-1].environment()
    together = image | environment_of(compose["services"]["portfolio"])
    for name, value in together.items():
        if name in VARIABLES:
            bare.setenv(name, re.sub(r"\$\{\w+:\?[^}]*\}", "secret", value))
    settings = load_settings()
    assert settings.market_data_url == "http://marketdata:8800"
    assert settings.market_data_provider == "engine"
    assert "secret" not in str(settings.public())


def test_mounted_files_and_named_volumes_exist(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            if source.startswith("."):
                assert (ROOT / source).exists(), source
            else:
                assert source in compose["volumes"]


def test_no_password_is_in_the_file_and_the_script_makes_them(compose: dict[str, Any], tmp_path: Path) -> None:
    text = (ROOT / "compose.yaml").read_text()
    wanted = set(re.findall(r"\$\{(\w+):\?", text))
    assert wanted == {"POSTGRES_PASSWORD", "GRAFANA_PASSWORD"}
    (tmp_path / "deploy").mkdir()
    script = tmp_path / "deploy" / "passwords.sh"
    script.write_text((ROOT / "deploy" / "passwords.sh").read_text())
    for said in ("wrote .env", "kept"):
        answer = subprocess.run(["sh", str(script)], capture_output=True, text=True, check=True)
        assert said in answer.stdout
    written = dict(line.split("=") for line in (tmp_path / ".env").read_text().splitlines())
    assert set(written) == wanted
    assert all(re.fullmatch(r"[0-9a-f]{48}", value) for value in written.values())
    assert len(set(written.values())) == 2
    assert os.stat(tmp_path / ".env").st_mode & 0o077 == 0
    assert "/.env" in (ROOT / ".gitignore").read_text().splitlines()


def test_the_contracts_own_block_starts_on_our_image(bare: pytest.MonkeyPatch) -> None:
    if SPEC.exists():
        assert CONTRACT_COMPOSE.strip() in SPEC.read_text()
    block = yaml.safe_load(CONTRACT_COMPOSE)["portfolio"]
    last = read(ROOT / "Dockerfile")[-1]
    assert block["ports"] == [f"8900:{last.of('EXPOSE')[0].text}"]
    assert block["healthcheck"]["test"][1:] == last.health()
    assert block["build"] == "./backend/engines/portfolio"  # this repository lies there: the context is its root
    copied = [source for step in last.of("COPY") for source in step.words()[1:]]
    assert not any(".." in source for source in copied)
    for name, value in (last.environment() | environment_of(block)).items():
        if name in VARIABLES:
            bare.setenv(name, value)
    settings = load_settings()
    assert settings.m4_max_optimized
    assert settings.portfolio_optimization_workers == int(CONTRACT_ENVIRONMENT["PORTFOLIO_OPTIMIZATION_WORKERS"])
    assert settings.host == "0.0.0.0"
    assert (
        settings.market_data_provider == "auto"
    )  # with no MARKET_DATA_URL it serves the simulated market, and says so
