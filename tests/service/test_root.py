"""GET / for a program and for a browser."""

from __future__ import annotations

import httpx

from tests.service.conftest import Server


def test_json_for_a_json_client(server: Server) -> None:
    for accept in ("application/json", "*/*"):
        response = httpx.get(f"{server.url}/", headers={"Accept": accept}, timeout=60)
        assert response.headers["content-type"] == "application/json"
        assert response.headers["vary"] == "Accept"
        assert response.json()["links"]["docs"] == "/docs"
    page = httpx.get(f"{server.url}/", headers={"Accept": "text/html"}, timeout=60)
    assert page.headers["content-type"].startswith("text/html")
    assert "<svg" not in page.text  # nothing to draw yet
