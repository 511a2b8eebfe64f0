"""The Dockerfile says what the contract says, hadolint has nothing to say, and the replay knows its instructions."""

from __future__ import annotations

import fnmatch
import re
import subprocess
import sys
from pathlib import Path

import pytest

from portfolio_service.config import ConfigError, load_settings
from tests.setup.deployment import CONTRACT_ENVIRONMENT, ROOT, THIRD_PARTY, VARIABLES, package_version

from dockerfile import Stage, expand, read  # isort: skip (its folder is put on the path above)


@pytest.fixture(scope="module")
def stages() -> list[Stage]:
    return read(ROOT / "Dockerfile")


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    said = subprocess.run(
        [hadolint, "--failure-threshold", "info", ROOT / "Dockerfile"], capture_output=True, text=True
    )
    assert (said.returncode, said.stdout) == (0, "")


def test_base_port_user_environment_and_health_check_are_the_documented_ones(stages: list[Stage]) -> None:
    assert {stage.base for stage in stages} == {"python:3.13-slim-bookworm"}
    last = stages[-1]
    assert last.of("USER")[-1].text == "portfolio"
    assert last.of("EXPOSE")[0].text == "8900"
    assert last.health() == ["curl", "-f", "http://localhost:8900/health"]
    environment = last.environment()
    assert {name: environment[name] for name in CONTRACT_ENVIRONMENT} == CONTRACT_ENVIRONMENT
    assert environment["HOST"] == "0.0.0.0"
    assert environment["ALLOW_UNAUTHENTICATED"] == "1"
    assert environment["VERSION"] == package_version()


def test_every_variable_is_a_setting_and_the_settings_accept_them(
    stages: list[Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = stages[-1].environment()
    assert set(environment) - {"VERSION"} <= VARIABLES | THIRD_PARTY
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        if name in VARIABLES:
            monkeypatch.setenv(name, value)
    settings = load_settings()
    assert (settings.host, settings.port, str(settings.data_dir)) == ("0.0.0.0", 8900, "/data")
    monkeypatch.delenv("ALLOW_UNAUTHENTICATED")
    with pytest.raises(ConfigError, match="API_KEY"):
        load_settings()


def test_the_last_stage_has_no_compiler_and_runs_as_nobody_special(stages: list[Stage]) -> None:
    last = stages[-1]
    assert not re.search(r"g\+\+|gcc|build-essential", " ".join(step.text for step in last.of("RUN")))
    assert last.command() == ["portfolio-engine", "serve"]
    assert [step.name for step in last.steps].index("USER") > [step.name for step in last.steps].index("COPY")


def test_what_the_steps_copy_exists_and_is_not_ignored(stages: list[Stage]) -> None:
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    kept = [rule[1:] for rule in rules if rule.startswith("!")]
    for step in (step for stage in stages for step in stage.of("COPY") if not step.text.startswith("--from")):
        *sources, _ = step.words()
        for source in sources:
            assert (ROOT / source).exists(), source
            assert any(source == rule or source.startswith(f"{rule}/") for rule in kept), source
            assert not any(fnmatch.fnmatch(source, rule) for rule in rules if rule[0] not in "*!"), source


def test_no_line_names_an_architecture() -> None:
    assert not re.search(r"amd64|arm64|aarch64|x86_64|--platform", "".join(read_steps()), re.I)


def read_steps() -> list[str]:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    return [line for line in lines if not line.startswith("#")]


def test_uv_and_the_build_packages_are_pinned_as_in_the_set_up() -> None:
    pinned = (ROOT / "deploy" / "image" / "build-requirements.txt").read_text()
    wanted = re.search(r"^UV_PINNED=(\S+)", (ROOT / ".ci" / "setup.sh").read_text(), re.M)
    assert wanted
    assert f"uv=={wanted[1]} " in pinned
    required = re.search(r"^requires = \[(.*?)^\]", (ROOT / "pyproject.toml").read_text(), re.M | re.S)
    assert required
    for name, marker in re.findall(r'"([A-Za-z0-9-]+)([^"]*)"', required[1]):
        if "sys_platform == 'darwin'" in marker:
            continue  # the image runs Linux
        assert re.search(rf"^{name}==", pinned, re.M), name


def test_the_reader_joins_lines_expands_and_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text(
        "FROM a AS b\n# word\nARG V=1\nENV X=$V \\\n  # between\n    Z=0\nENV Y=${X}2\nRUN one \\\n    && two\n"
    )
    (stage,) = read(path)
    assert (stage.base, stage.name, stage.of("RUN")[0].text) == ("a", "b", "one && two")
    assert stage.environment() == {"V": "1", "X": "1", "Z": "0", "Y": "12"}
    assert expand("$PATH:$HOME", {"PATH": "/bin"}) == "/bin:$HOME"
    path.write_text("FROM a\nONBUILD RUN x\n")
    with pytest.raises(ValueError, match="ONBUILD"):
        read(path)
