"""Closed by default: Host, key, headers, and no cross-origin access."""

from __future__ import annotations

import base64

import httpx
import pytest

from portfolio_service.app import create_app
from portfolio_service.config import Settings

KEY = "correct-horse-battery"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8900", 200),
        ("LOCALHOST", 200),
        ("127.0.0.1:1", 200),
        ("[::1]:8900", 200),
        ("portfolio:8900", 200),
        ("nautilus-portfolio", 200),
        ("evil.example", 400),
        ("localhost.evil.example", 400),
        ("", 400),
    ],
)
async def test_host_header(client: httpx.AsyncClient, host: str, status: int) -> None:
    response = await client.get("/health/live", headers={"Host": host})
    assert response.status_code == status
    if status == 400:
        assert response.json()["code"] == "host_not_allowed"


async def test_security_headers(client: httpx.AsyncClient) -> None:
    for path in ("/", "/portfolios", "/nothing", "/docs"):
        response = await client.get(path, headers={"Accept": "text/html", "Origin": "https://evil.example"})
        assert "default-src 'none'" in response.headers["content-security-policy"]
        assert "unsafe-eval" not in response.headers["content-security-policy"]
        assert "script-src 'self';" in response.headers["content-security-policy"]
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["x-frame-options"] == "DENY"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert not [name for name in response.headers if name.startswith("access-control")]


async def test_request_id_is_kept_or_made(client: httpx.AsyncClient) -> None:
    assert (await client.get("/health/live", headers={"X-Request-ID": "mine-1"})).headers["x-request-id"] == "mine-1"
    for wrong in ("a b", "x" * 65, "a\tb", "<script>"):
        made = (await client.get("/health/live", headers={"X-Request-ID": wrong})).headers["x-request-id"]
        assert made.startswith("req_")


class TestKey:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return Settings(**{**settings.model_dump(exclude_unset=True), "api_key": KEY})

    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({}, 401),
            ({"Authorization": f"Bearer {KEY}"}, 200),
            ({"Authorization": f"bearer  {KEY}"}, 200),
            ({"X-API-Key": KEY}, 200),
            ({"Authorization": "Basic " + base64.b64encode(f"me:{KEY}".encode()).decode()}, 200),
            ({"Authorization": "Bearer wrong"}, 401),
            ({"Authorization": "Bearer "}, 401),
            ({"Authorization": "Basic !!!"}, 401),
            ({"X-API-Key": KEY[:-1]}, 401),
            ({"X-API-Key": "ä"}, 401),
            ({"Authorization": "Bearer wrong", "X-API-Key": KEY}, 401),
        ],
    )
    async def test_every_way(self, client: httpx.AsyncClient, headers: dict[str, str], status: int) -> None:
        encoded = {name.encode(): value.encode() for name, value in headers.items()}
        response = await client.get("/portfolios", headers=encoded)
        assert response.status_code == status
        if status == 401:
            assert response.json()["code"] == "unauthorized"
            assert "Basic" in response.headers["www-authenticate"]

    async def test_health_is_open_and_pages_are_not(self, client: httpx.AsyncClient) -> None:
        assert (await client.get("/health")).status_code == 200
        for path in ("/", "/docs", "/openapi.json", "/metrics", "/static/page.css"):
            assert (await client.get(path)).status_code == 401


async def test_without_a_key_only_a_loopback_socket_is_served(settings: Settings) -> None:
    """uvicorn can be told another address than HOST: the socket that a request came in by counts."""

    async def status(address: str, allow: bool) -> int:
        app = create_app(settings.model_copy(update={"allow_unauthenticated": allow}))
        transport = httpx.ASGITransport(app)
        scope_server = (address, 8900)

        async def with_server(scope: dict[str, object], receive: object, send: object) -> None:
            await app({**scope, "server": scope_server}, receive, send)

        transport.app = with_server
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            return (await http.get("/openapi.json")).status_code

    assert await status("127.0.0.1", False) == 200
    assert await status("::1", False) == 200
    assert await status("10.1.2.3", False) == 401
    assert await status("10.1.2.3", True) == 200
