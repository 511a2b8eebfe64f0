"""Reads a Dockerfile into its steps: the few instructions that ours uses, everything else is an error."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

KNOWN = {"ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL"}
KNOWN |= {"RUN", "USER", "VOLUME", "WORKDIR"}


@dataclass(frozen=True)
class Step:
    """One instruction with its whole text on one line."""

    name: str
    text: str

    def words(self) -> list[str]:
        """The text as JSON when it is an array, else split as a shell would."""
        return list(json.loads(self.text)) if self.text.startswith("[") else shlex.split(self.text)

    def pairs(self) -> dict[str, str]:
        """`A=1 B=2` as a mapping."""
        return dict(word.split("=", 1) for word in self.words())


@dataclass
class Stage:
    """What one FROM begins."""

    base: str
    name: str
    steps: list[Step] = field(default_factory=list)

    def of(self, name: str) -> list[Step]:
        """Its steps of one kind."""
        return [step for step in self.steps if step.name == name]

    def environment(self) -> dict[str, str]:
        """Every ENV and the ARG defaults, later ones winning; `$NAME` and `${NAME}` of earlier ones replaced."""
        found: dict[str, str] = {}
        for step in self.steps:
            if step.name in ("ENV", "ARG"):
                found |= {name: expand(value, found) for name, value in step.pairs().items()}
        return found

    def command(self) -> list[str]:
        """ENTRYPOINT and CMD together."""
        return [word for name in ("ENTRYPOINT", "CMD") for step in self.of(name)[-1:] for word in step.words()]

    def health(self) -> list[str]:
        """The command of the health check."""
        return list(json.loads(self.of("HEALTHCHECK")[-1].text.partition("CMD")[2]))


def expand(text: str, values: dict[str, str]) -> str:
    """`$NAME` and `${NAME}` replaced where known."""
    return re.sub(r"\$\{?(\w+)\}?", lambda match: values.get(match[1], match[0]), text)


def read(path: Path) -> list[Stage]:
    """The stages of a Dockerfile, in order."""
    text = "".join(line for line in path.read_text().splitlines(True) if not re.match(r"\s*#", line))
    stages: list[Stage] = []
    for line in text.replace("\\\n", " ").splitlines():
        if not line.strip():
            continue
        name, _, rest = line.strip().partition(" ")
        step = Step(name.upper(), re.sub(r"\s{2,}", " ", rest.strip()))
        if step.name not in KNOWN:
            raise ValueError(f"{path.name}: an instruction that is not known here: {name}")
        if step.name == "FROM":
            base, *alias = step.text.split()
            stages.append(Stage(base, alias[1] if alias else f"{len(stages)}"))
        else:
            stages[-1].steps.append(step)
    return stages


def summary(stage: Stage) -> dict[str, Any]:
    """What a container of this stage is given."""
    return {"user": stage.of("USER")[-1].text, "command": stage.command(), "environment": stage.environment()}
