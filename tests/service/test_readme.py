"""The README's example prints what the README says, its curl line works, and what it names exists."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys

import httpx

from tests.data import ROOT

TEXT = (ROOT / "README.md").read_text()


def block(language: str) -> str:
    match = re.search(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)
    assert match is not None
    return match[1]


def test_example_prints_what_the_readme_says() -> None:
    run = subprocess.run([sys.executable, "-c", block("python")], capture_output=True, text=True, check=True, cwd="/")
    assert run.stdout == block("text")


async def test_curl_line_creates_a_portfolio(client: httpx.AsyncClient) -> None:
    line = next(block for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL) if block.startswith("curl"))
    words = shlex.split(line.replace("\\\n", " "))
    assert words[0] == "curl"
    body = json.loads(words[words.index("-d") + 1])
    url = next(word for word in words if word.startswith("http://127.0.0.1:8900/"))
    response = await client.post(url, json=body)
    assert response.status_code == 201
    assert response.json()["total_value"] == 250000


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert target.startswith("http") or (ROOT / target).exists(), target
