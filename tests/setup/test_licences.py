"""The audit of what is shipped: it accepts our lock and refuses what it should."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit", ROOT / ".ci" / "audit.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_everything_the_service_needs_is_under_an_accepted_licence(audit: ModuleType) -> None:
    from importlib.metadata import requires

    needed = [line.split(";")[0] for line in requires("portfolio-engine") or () if "service" in line or "cli" in line]
    names = sorted({line.split("[")[0].split(">")[0].split("<")[0].strip() for line in needed})
    names.remove("portfolio-engine")
    assert len(names) > 20
    assert audit.refused(names) == []


def test_a_choice_takes_the_accepted_side_and_every_part_of_an_and_counts(
    audit: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert audit.choice("GPL-3.0 OR MIT") == "MIT"
    texts = {"a": "MIT AND GPL-3.0-only", "b": "MPL-2.0 AND (Apache-2.0 OR GPL-2.0-only)", "c": None}
    monkeypatch.setattr(audit.metadata, "metadata", lambda name: _About(texts[name]))
    assert audit.licences("a") == {"MIT", "GPL-3.0-only"}
    assert audit.licences("b") == {"MPL-2.0", "Apache-2.0"}
    assert audit.licences("c") == {"unknown"}
    assert audit.refused(["a", "b", "c"]) == ["a: GPL-3.0-only", "c: unknown"]


def test_a_requirement_without_pin_or_hash_is_named(audit: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text("# by hand\nalpha==1.0 \\\n    --hash=sha256:00\nbeta>=2\ngamma[x]==3 ; python_version > '3'\n")
    found, wrong = audit.pins(path)
    assert found == {"alpha": "1.0", "gamma": "3"}
    assert wrong == ["not pinned: beta>=2", "no hash: gamma"]


class _About(dict[str, str]):
    """A package's metadata."""

    def __init__(self, expression: str | None) -> None:
        super().__init__({"License-Expression": expression} if expression else {})

    def get_all(self, name: str) -> None:
        return None
