"""The page and the documentation in a real browser, with every request to elsewhere forbidden."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

from tests.service.conftest import TECH, Server, start_server

pytestmark = pytest.mark.slow  # a real browser

ARGUMENTS = [
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
CHROME = next((path for name in NAMES if (path := shutil.which(name))), str(MAC) if MAC.exists() else None)
if CHROME is None:
    pytest.skip("no Chromium or Chrome on this machine", allow_module_level=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chrome = playwright.chromium.launch(executable_path=CHROME, args=ARGUMENTS)
        yield chrome
        chrome.close()


@pytest.fixture(scope="module")
def filled(start: Callable[..., Server]) -> Server:
    """A service with a rebalanced portfolio, one that only waits, and a name that wants to be HTML."""
    server = start()
    with httpx.Client(base_url=server.url, timeout=60) as http:
        body = {"portfolio_name": 'Tech <b>Focus</b> & "Co"', "symbols": TECH, "initial_value": 250000}
        path = f"/portfolios/{http.post('/portfolios/with-symbols', json=body).json()['portfolio_id']}"
        http.post(f"{path}/optimize", json={"method": "max_sharpe", "constraints": {"max_position_weight": 0.4}})
        assert http.post(f"{path}/rebalance", json={}).status_code == 200
        http.post("/portfolios", json={"portfolio_name": "Waiting"})
    return server


class Visit:
    """One page load; anything asked from elsewhere and any complaint of the browser is kept."""

    def __init__(
        self, browser: Browser, url: str, viewport: dict[str, int], scheme: str = "light", scripts: bool = True
    ) -> None:
        self.base = "/".join(url.split("/")[:3])
        self.outside: list[str] = []
        self.complaints: list[str] = []
        self._context = browser.new_context(
            viewport=viewport,
            color_scheme=scheme,
            java_script_enabled=scripts,
        )
        self._context.route("**/*", self._route)
        self.page: Page = self._context.new_page()
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.status = getattr(self.page.goto(url), "status", 0)

    def _route(self, route: Route) -> None:
        if route.request.url.startswith((self.base + "/", "data:", "blob:")):
            route.continue_()
        else:
            self.outside.append(route.request.url)
            route.abort()

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._context.close()
        if kind is None:
            assert self.outside == []
            assert self.complaints == []

    def width_beyond_screen(self) -> Any:
        return self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_page(browser: Browser, filled: Server, viewport: dict[str, int], scheme: str) -> None:
    with Visit(browser, f"{filled.url}/", viewport, scheme) as visit:
        page = visit.page
        assert visit.status == 200
        assert visit.width_beyond_screen() == 0
        text = page.inner_text("body")
        assert 'Tech <b>Focus</b> & "Co"' in text  # as text, not as HTML
        assert "simulated" in text
        assert "Metal" in text
        assert "cpu" in text
        for symbol in ("AAPL", "GOOGL"):
            assert page.locator("table").nth(1).get_by_text(symbol, exact=True).count() == 1
        charts = page.locator("svg.chart")
        assert charts.count() == 2
        for path in ("path.line", "path.down"):
            drawn = charts.nth(0).locator(path).bounding_box()
            assert drawn is not None
            assert drawn["width"] > 150
        assert charts.nth(1).locator("text.name").all_text_contents() == ["least risk", "best Sharpe", "target", "now"]
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, background[4:-1].split(","))) < 200) == (scheme == "dark")
        for link in ("/docs", "/redoc", "/metrics", "/health"):
            assert page.locator(f"nav a[href='{link}']").is_visible()


def test_another_portfolio_can_be_chosen(browser: Browser, filled: Server) -> None:
    with Visit(browser, f"{filled.url}/", DESKTOP) as visit:
        visit.page.locator("#portfolios").get_by_role("link", name="Waiting").click()
        assert visit.page.inner_text("#allocation h2").startswith("Waiting")
        assert "waits for the first rebalance" in visit.page.inner_text("body")
        assert "at least two holdings" in visit.page.inner_text("body")
    with Visit(browser, f"{filled.url}/?portfolio=<script>alert(1)</script>", DESKTOP) as visit:
        assert "No portfolio '<script>" in visit.page.inner_text("body")


def test_an_empty_service_shows_the_commands_that_fill_it(browser: Browser, server: Server) -> None:
    with Visit(browser, f"{server.url}/", PHONE) as visit:
        commands = visit.page.locator("pre").all_inner_texts()
        assert visit.width_beyond_screen() == 0
    assert [command.split()[2].replace(server.url, "") for command in commands] == [
        "/portfolios/with-symbols",
        "/portfolios/ID/optimize",
        "/portfolios/ID/rebalance",
    ]


@pytest.mark.slow
def test_the_page_lives(browser: Browser, start: Callable[..., Server]) -> None:
    """What happens elsewhere shows without a reload: portfolio, values, allocation, charts, alerts, events."""
    server = start()
    with Visit(browser, f"{server.url}/", DESKTOP) as visit, httpx.Client(base_url=server.url, timeout=60) as http:
        page = visit.page
        page.locator("#connection.live").wait_for()
        page.evaluate("window.loadedOnce = true")
        body = {"portfolio_name": "Born later", "symbols": TECH, "initial_value": 250000}
        path = f"/portfolios/{http.post('/portfolios/with-symbols', json=body).json()['portfolio_id']}"
        page.locator("#allocation h2").get_by_text("Born later").wait_for()
        assert page.locator("#allocation svg.allocation rect").count() == 6  # five symbols and cash
        page.locator("#charts svg.chart").nth(1).wait_for()
        http.post(f"{path}/optimize", json={"method": "max_sharpe"}).raise_for_status()
        http.post(f"{path}/rebalance", json={}).raise_for_status()
        page.locator("#happenings").get_by_text("rebalanced: ").wait_for()
        page.locator("#happenings .count").wait_for()  # one name is beyond its limit
        assert page.locator("#happenings li.breach").count() > 0
        page.locator("#charts .name", has_text="target").wait_for()
        now = http.get(path).json()
        page.locator("#holdings").get_by_text(f"{now['positions']['MSFT']['quantity']:,.4f}").wait_for()
        before = page.inner_text("#tiles")
        page.wait_for_function("text => document.getElementById('tiles').innerText !== text", arg=before)  # ticks
        assert page.evaluate("window.loadedOnce")


@pytest.mark.slow
def test_the_badge_says_when_the_line_is_dead(browser: Browser, tmp_path: Path) -> None:
    server = start_server(tmp_path)
    port = server.url.rpartition(":")[2]
    with Visit(browser, f"{server.url}/", PHONE) as visit:
        visit.page.locator("#connection.live").wait_for()
        server.stop()
        visit.page.locator("#connection.stale").wait_for()
        server = start_server(tmp_path, PORT=port)
        httpx.post(f"{server.url}/portfolios", json={"portfolio_name": "Meanwhile"}, timeout=60).raise_for_status()
        visit.page.locator("#connection.live").wait_for()
        visit.page.locator("#portfolios").get_by_text("Meanwhile").wait_for()
        assert visit.width_beyond_screen() == 0
        assert all("ERR_" in text for text in visit.complaints)  # the browser's own words about the dead line
        visit.complaints.clear()
    server.stop()


def test_the_page_needs_no_script(browser: Browser, filled: Server) -> None:
    with Visit(browser, f"{filled.url}/", DESKTOP, scripts=False) as visit:
        assert not visit.page.locator("#connection").is_visible()
        for part in ("#tiles", "#portfolios", "#happenings", "#allocation", "#charts", "#holdings"):
            assert visit.page.locator(part).inner_text().strip()


@pytest.mark.slow
@pytest.mark.parametrize(("path", "shown"), [("/docs", "/portfolios/with-symbols"), ("/redoc", "Portfolio Engine")])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_documentation_offline(
    browser: Browser, server: Server, path: str, shown: str, viewport: dict[str, int]
) -> None:
    with Visit(browser, f"{server.url}{path}", viewport) as visit:
        visit.page.get_by_text(shown).first.wait_for(timeout=30_000)
        visit.page.wait_for_load_state("networkidle")
