"""What is shipped: every package of the lock pinned and hashed, under a licence we accept, without a known hole.

`python .ci/audit.py REQUIREMENTS` with what `uv export` wrote for the extras that the image installs.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

# Permissive ones, and weak copyleft where we only import the package: MPL by file, LGPL by library.
ALLOWED = {
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "ISC",
    "LGPL-3.0-only",
    "MIT",
    "MIT-CMU",
    "MPL-2.0",
    "PSF-2.0",
    "Zlib",
}
# The classifiers of packages that state no SPDX expression.
CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
ELSEWHERE = {"colorama": "BSD-3-Clause"}  # shipped on Windows only, so never installed here


def pins(requirements: Path) -> tuple[dict[str, str], list[str]]:
    """Name and version of each requirement, and what is wrong with the file."""
    found: dict[str, str] = {}
    wrong: list[str] = []
    for entry in re.split(r"\n(?=\S)", requirements.read_text()):
        if not entry.strip() or entry.startswith("#"):
            continue
        match = re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)", entry)
        if match is None:
            wrong.append(f"not pinned: {entry.splitlines()[0]}")
            continue
        found[match[1].lower()] = match[2]
        if "--hash=sha256:" not in entry:
            wrong.append(f"no hash: {match[1]}")
    return found, wrong


def licences(name: str) -> set[str]:
    """The licences of an installed package that apply: every part of an AND, the first accepted part of an OR."""
    about = metadata.metadata(name)
    expression = about.get("License-Expression")
    if expression is None:
        if about.get("License") in ALLOWED:
            return {about["License"]}
        classes = [c.rpartition(" :: ")[2] for c in about.get_all("Classifier") or () if c.startswith("License")]
        return {CLASSIFIERS.get(c, c) for c in classes if c != "OSI Approved"} or {"unknown"}
    parts = re.sub(r"\([^()]* OR [^()]*\)", lambda group: choice(group[0][1:-1]), expression)
    return {choice(part) for part in parts.split(" AND ")}


def choice(alternatives: str) -> str:
    """Of `A OR B` the one we accept."""
    options = [option.strip("() ") for option in alternatives.split(" OR ")]
    return next((option for option in options if option in ALLOWED), options[0])


def refused(names: list[str]) -> list[str]:
    """Packages whose licence is not on the list."""
    wrong = []
    for name in names:
        try:
            found = licences(name)
        except metadata.PackageNotFoundError:
            found = {ELSEWHERE.get(name, "not installed here, so unknown")}
        if not found <= ALLOWED:
            wrong.append(f"{name}: {', '.join(sorted(found - ALLOWED))}")
    return wrong


def holes(requirements: Path) -> tuple[list[str], str]:
    """Known vulnerabilities, and in words how many packages could be asked for."""
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "-r", str(requirements)]
    command += ["--format", "json", "--progress-spinner", "off", "--timeout", "5"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 (our own words)
    try:
        packages = json.loads(answer.stdout)["dependencies"]
    except (ValueError, KeyError):
        return [], f"pip-audit could not ask: {(answer.stderr.strip().splitlines() or ['no answer'])[-1][:200]}"
    asked = [package for package in packages if "skip_reason" not in package]
    found = [f"{p['name']} {p['version']}: {hole['id']}" for p in asked for hole in p["vulns"]]
    if not asked:
        return [], "pip-audit reached no source of vulnerabilities from here: nothing was checked for known holes"
    return found, f"pip-audit asked for {len(asked)} of {len(packages)} packages"


def main() -> int:
    """0 when nothing is wrong; what could not be checked is said."""
    requirements = Path(sys.argv[1])
    packages, wrong = pins(requirements)
    wrong += [f"licence not accepted: {line}" for line in refused(sorted(packages))]
    found, said = holes(requirements)
    wrong += [f"known vulnerability: {line}" for line in found]
    print(f"audit: {len(packages)} packages shipped, each pinned and hashed" if not wrong else "audit: refused")
    print(f"audit: {said}")
    for line in wrong:
        print(f"audit: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
