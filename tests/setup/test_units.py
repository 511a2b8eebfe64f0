"""The systemd unit and the launchd plist: what they start, with which settings, and how closed they are."""

from __future__ import annotations

import plistlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.setup.deployment import ROOT, THIRD_PARTY, VARIABLES

UNIT = ROOT / "deploy" / "systemd" / "portfolio-engine.service"
PLIST = ROOT / "deploy" / "launchd" / "portfolio-engine.plist"
COMMAND = "/opt/portfolio/bin/portfolio-engine"


def directives() -> list[tuple[str, str]]:
    lines = UNIT.read_text().splitlines()
    return [(name, value) for name, _, value in (line.partition("=") for line in lines) if re.match(r"[A-Z]", name)]


def test_the_unit_starts_the_service_on_loopback_with_settings_that_exist() -> None:
    unit = directives()
    found = dict(unit)
    assert found["ExecStart"] == f"{COMMAND} serve"
    given = dict(pair.split("=", 1) for name, value in unit if name == "Environment" for pair in value.split())
    assert set(given) <= VARIABLES | THIRD_PARTY
    assert (given["HOST"], given["PORT"]) == ("127.0.0.1", "8900")
    assert given["DATA_DIR"] == f"/var/lib/{found['StateDirectory']}"
    assert not {"API_KEY", "DATABASE_URL"} & set(given), "secrets belong into the environment file"


def test_the_unit_restarts_after_failures_and_waits_for_requests_in_flight() -> None:
    found = dict(directives())
    assert found["Restart"] == "on-failure"
    assert int(found["TimeoutStopSec"]) > 10
    assert int(found["LimitNOFILE"]) >= 65536
    assert found["ProtectSystem"] == "strict"
    assert found["DynamicUser"] == found["NoNewPrivileges"] == found["PrivateTmp"] == "yes"


def test_systemd_accepts_the_unit_and_calls_it_closed(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze (Debian: apt-get install systemd)")
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace(COMMAND, sys.executable))
    said = subprocess.run(["systemd-analyze", "verify", str(copy)], capture_output=True, text=True)
    assert UNIT.name not in said.stderr, said.stderr
    scored = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(copy)], capture_output=True, text=True
    )
    level = re.search(r"exposure level.*?(\d+\.\d)", scored.stdout)
    assert level, scored.stderr
    assert float(level[1]) < 2.0


def test_the_plist_starts_the_service_on_loopback_and_again_after_a_failure() -> None:
    plist = plistlib.loads(PLIST.read_bytes())
    assert plist["ProgramArguments"] == [COMMAND, "serve"]
    given = plist["EnvironmentVariables"]
    assert set(given) <= VARIABLES | THIRD_PARTY
    assert (given["HOST"], given["PORT"]) == ("127.0.0.1", "8900")
    assert plist["KeepAlive"] == {"SuccessfulExit": False}
    assert plist["ExitTimeOut"] > 10
    assert plist["Umask"] == 0o077
    assert plist["SoftResourceLimits"]["NumberOfFiles"] >= 65536
    assert plist["UserName"] != "root"
