"""Pages for people: the landing page and the API documentation; everything they load is served by us."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Header, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates

from portfolio_service import __version__
from portfolio_service.api import examples
from portfolio_service.api.charts import compact, percent
from portfolio_service.api.deps import Services, Svc
from portfolio_service.api.landing import allocation, frontier_chart, history_chart
from portfolio_service.api.news import alerts, news
from portfolio_service.api.portfolios import valued
from portfolio_service.api.problems import reading
from portfolio_service.api.schemas.operations import Root
from portfolio_service.api.schemas.portfolios import Summary, positions_of
from portfolio_service.domain.events import RISK_ALERT, TOPICS
from portfolio_service.domain.models import Portfolio
from portfolio_service.domain.monitor import acceleration
from portfolio_service.domain.valuation import value
from portfolio_service.logs import warnings_of

PACKAGE = Path(__file__).parents[1]
HAPPENED = 8  # events on the page
SHOWN = 50  # portfolios on the page; all of them are at /portfolios
REDOC_LOGO = b"https://cdn.redoc.ly/redoc/logo-mini.svg"  # the only thing ReDoc would load from elsewhere

router = APIRouter(tags=["pages"])
templates = Jinja2Templates(PACKAGE / "templates")


def _money(amount: float | Decimal) -> str:
    return f"{amount:,.2f}"


def _moment(time: datetime | None) -> str:
    return "never" if time is None else f"{time:%Y-%m-%d %H:%M}"


def _brief(time: datetime, now: datetime) -> str:
    return f"{time:%H:%M:%S}" if time.date() == now.date() else f"{time:%Y-%m-%d %H:%M}"


def _day(time: datetime | None) -> str:
    return "never" if time is None else f"{time:%Y-%m-%d}"


templates.env.filters.update(money=_money, moment=_moment, brief=_brief, day=_day)
templates.env.globals.update(compact=compact, percent=percent)


def mount_assets(app: FastAPI) -> None:
    """Our style sheet and icon, and the documentation's scripts from the fastapi-offline package."""
    found = find_spec("fastapi_offline")
    assert found is not None
    assert found.origin is not None
    vendor = Path(found.origin).parent / "static"
    redoc = (vendor / "redoc.standalone.js").read_bytes().replace(REDOC_LOGO, b"/static/icon.svg")

    @app.get("/static/vendor/redoc.standalone.js", include_in_schema=False)
    async def redoc_script() -> Response:
        return Response(redoc, media_type="text/javascript", headers={"Cache-Control": "max-age=86400"})

    app.mount("/static/vendor", StaticFiles(directory=vendor))
    app.mount("/static", StaticFiles(directory=PACKAGE / "static"))


@router.get("/docs", include_in_schema=False)
async def docs(request: Request) -> HTMLResponse:
    """Swagger UI."""
    return templates.TemplateResponse(request, "docs.html")


@router.get("/redoc", include_in_schema=False)
async def redoc(request: Request) -> HTMLResponse:
    """ReDoc."""
    return templates.TemplateResponse(request, "redoc.html")


@router.get(
    "/",
    response_model=Root,
    responses={
        **reading(503, ok=None),
        200: {
            "content": {"application/json": {"example": examples.ROOT}, "text/html": {"schema": {"type": "string"}}},
            "description": "JSON, or the page for a browser",
        },
    },
)
async def landing(
    request: Request,
    services: Svc,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
    portfolio: Annotated[str | None, Query(include_in_schema=False)] = None,
    part: Annotated[str | None, Query(include_in_schema=False)] = None,
) -> Response:
    """The service at a glance: a page for a browser, JSON otherwise."""
    headers = {"Vary": "Accept"}
    if "text/html" not in accept.lower():
        return JSONResponse(_root(services), headers=headers)
    context = await _context(services, portfolio, with_charts=part != "figures")
    context["base"] = str(request.base_url).rstrip("/")
    return templates.TemplateResponse(request, "page.html", context, headers=headers)


def _root(services: Services) -> dict[str, Any]:
    return {
        "name": "Portfolio Engine",
        "version": __version__,
        "portfolios": len(services.books.all()),
        "links": {name: f"/{name}" for name in ("docs", "redoc", "openapi.json", "portfolios", "health", "metrics")},
    }


async def _context(services: Services, wanted: str | None, with_charts: bool) -> dict[str, Any]:
    """Everything the page shows; a part that cannot be had is a sentence, never an error page."""
    _, last_event = await services.feed.resume(None)  # first: what comes meanwhile is told by an event
    happened = await services.feed.latest(HAPPENED, [topic for topic in TOPICS if topic != RISK_ALERT])
    everything, now = services.books.all(), services.clock.now()
    chosen = next((p for p in everything if p.portfolio_id == wanted), everything[0] if everything else None)
    names = {p.portfolio_id: p.portfolio_name for p in everything}
    unseen = alerts(services.risk.alerts.standing(), names)
    accelerated, market = acceleration(), services.monitor.market_data()
    rows = [
        Summary.of(p, value(p, services.prices, now).total_value, services.books.status(p)) for p in everything[:SHOWN]
    ]
    return {
        "version": __version__,
        "now": now,
        "portfolios": rows,
        "hidden": len(everything) - len(rows),
        "count": len(everything),
        "last_event": last_event,
        "happened": news(happened, names),
        "alerts": unseen[:HAPPENED],
        "alert_count": len(unseen),
        "with_charts": with_charts,
        "total_aum": services.live.total_aum(),
        "counters": await services.monitor.counters(),
        "market": market,
        "market_note": _market_note(market),
        "acceleration": accelerated,
        "warnings": warnings_of(services.settings, accelerated) + services.market.state.warnings,
        "notice": f"No portfolio {wanted[:40]!r}."
        if wanted and (chosen is None or chosen.portfolio_id != wanted)
        else "",
        "chosen": chosen,
        **(await _chosen(services, chosen) if chosen else {}),
        **(await _charts(services, chosen) if chosen and with_charts else {}),
    }


async def _chosen(services: Services, chosen: Portfolio) -> dict[str, Any]:
    valuation = await valued(services, chosen)
    total = valuation.total_value
    return {
        "valuation": valuation,
        "holdings": positions_of(valuation),
        "cash_weight": float(valuation.cash_balance / total) if total else 0.0,
        "target": chosen.target.weights if chosen.target else {},
        "slices": allocation(valuation),
    }


async def _charts(services: Services, chosen: Portfolio) -> dict[str, Any]:
    positions = value(chosen, services.prices, services.clock.now()).positions
    history, history_reason = await history_chart(services, chosen)
    weights = {symbol: position.weight for symbol, position in positions.items()}
    frontier, frontier_reason = await frontier_chart(services, chosen, weights)
    return {
        "history": history,
        "history_reason": history_reason,
        "frontier": frontier,
        "frontier_reason": frontier_reason,
    }


def _market_note(market: dict[str, Any]) -> str:
    age = market["last_update_age_s"]
    if market["status"] == "unavailable":
        return "does not answer; the last good prices are shown" if age is not None else "does not answer"
    if market["missing"]:
        return f"no price for {', '.join(market['missing'])}"
    return "no price asked for yet" if age is None else f"last price {age:,.0f} s ago"
