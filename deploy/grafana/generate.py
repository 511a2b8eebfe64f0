"""Writes dashboards/portfolio-engine.json: the contract's eight panels. Run it after a change here; a test compares.

python deploy/grafana/generate.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, table, timeseries, xychart
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import prometheus as prometheus_models
from grafana_foundation_sdk.models import xychart as xychart_models

HERE = Path(__file__).parent
FILE = HERE / "dashboards" / "portfolio-engine.json"
SOURCE = models.DataSourceRef(type_val="prometheus", uid="prometheus")
CHOSEN = 'portfolio_id=~"$portfolio_id"'
NAMED = "* on (instance, portfolio_id) group_left (portfolio_name, method) portfolio_info"
HALF, FULL, HEIGHT = 12, 24, 9
Panel = Any  # the builders share no base class that has the methods used here


def query(expr: str, legend: str, ref: str = "A") -> prometheus.Dataquery:
    """A series over the dashboard's time range."""
    return prometheus.Dataquery().expr(expr).legend_format(legend).ref_id(ref).range()


def latest(expr: str, ref: str = "A") -> prometheus.Dataquery:
    """One row for each series, with its labels as columns."""
    row = prometheus.Dataquery().expr(expr).ref_id(ref).instant()
    return row.format(prometheus_models.PromQueryFormat.TABLE)


def now(expr: str, legend: str, ref: str = "A") -> prometheus.Dataquery:
    """The last value of each series."""
    return prometheus.Dataquery().expr(expr).legend_format(legend).ref_id(ref).instant()


def lines(title: str, text: str, unit: str) -> Panel:
    legend = common.VizLegendOptions().show_legend(True).placement(common_models.LegendPlacement.BOTTOM)
    legend = legend.display_mode(common_models.LegendDisplayMode.TABLE).calcs(["lastNotNull"])
    panel = timeseries.Panel().title(title).description(text).unit(unit).datasource(SOURCE).legend(legend)
    tooltip = common.VizTooltipOptions().mode(common_models.TooltipDisplayMode.MULTI)
    return panel.tooltip(tooltip).fill_opacity(8).line_width(2)


def performance_tracking() -> Panel:
    panel = lines(
        "Portfolio Performance Tracking", "Return over a year and deepest loss, as GET shows them", "percentunit"
    )
    for ref, metric, word in (("A", "total_return", "return"), ("B", "max_drawdown", "drawdown")):
        expr = f'portfolio_performance_metrics{{{CHOSEN},metric="{metric}"}} {NAMED}'
        panel = panel.with_target(query(expr, f"{{{{portfolio_name}}}} {word}", ref))
    return panel


def method_comparison() -> Panel:
    seconds, total = "portfolio_optimization_duration_seconds", "portfolio_optimizations_total"
    panel = table.Panel().title("Optimization Method Comparison").datasource(SOURCE)
    panel = panel.description("Runs, mean time, and what the portfolios that use a method have made of it")
    rows = (
        ("A", f"sum by (method) ({total}{{{CHOSEN}}})"),
        ("B", f"sum by (method) ({seconds}_sum) / sum by (method) ({seconds}_count)"),
        ("C", f'avg by (method) (portfolio_performance_metrics{{{CHOSEN},metric="sharpe_ratio"}} {NAMED})'),
        ("D", f'avg by (method) (portfolio_performance_metrics{{{CHOSEN},metric="volatility"}} {NAMED})'),
    )
    for ref, expr in rows:
        panel = panel.with_target(latest(expr, ref))
    names = {"Value #A": "Runs", "Value #B": "Mean time", "Value #C": "Sharpe ratio", "Value #D": "Volatility"}
    for name, unit in (("Mean time", "s"), ("Volatility", "percentunit")):
        panel = panel.override_by_name(name, [models.DynamicConfigValue("unit", unit)])
    return _joined(panel, "method", {"method": "Method", **names})


def rebalancing_frequency() -> Panel:
    panel = lines("Rebalancing Frequency Analysis", "Rebalances a day, and all of them so far", "short")
    day = f"sum by (instance, portfolio_id) (increase(portfolio_rebalances_total{{{CHOSEN}}}[1d])) {NAMED}"
    every = f"sum by (instance, portfolio_id) (portfolio_rebalances_total{{{CHOSEN}}}) {NAMED}"
    panel = panel.with_target(query(day, "{{portfolio_name}} a day"))
    panel = panel.with_target(query(every, "{{portfolio_name}} in all", "B"))
    return panel.with_target(
        query("sum by (outcome) (portfolio_scheduler_decisions_total)", "schedule: {{outcome}}", "C")
    )


def risk_return() -> Panel:
    panel = xychart.Panel().title("Risk-Return Scatter Plot").datasource(SOURCE).unit("percentunit")
    panel = panel.description("Annual return against volatility, one point for each portfolio")
    panel = panel.series_mapping(xychart_models.SeriesMapping.AUTO)
    panel = panel.dims(xychart.XYDimensionConfig().frame(0).x("Volatility"))
    for ref, metric in (("A", "volatility"), ("B", "annualized_return")):
        found = f'portfolio_performance_metrics{{{CHOSEN},metric="{metric}"}} {NAMED}'
        both = f'label_join({found}, "portfolio", " ", "portfolio_name", "portfolio_id")'  # names may be the same
        panel = panel.with_target(latest(f"sum by (portfolio) ({both})", ref))
    names = {"portfolio": "Portfolio", "Value #A": "Volatility", "Value #B": "Return"}
    return _joined(panel, "portfolio", names)


def concentration() -> Panel:
    panel = bargauge.Panel().title("Position Concentration Monitoring").datasource(SOURCE).unit("percentunit")
    panel = panel.description("The largest position of each portfolio, and where it stands to the 20 % limit")
    steps = [models.Threshold("green", None), models.Threshold("orange", 0.16), models.Threshold("red", 0.2)]
    limits = dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)
    panel = panel.thresholds(limits).min(0).max(1).orientation(common_models.VizOrientation.HORIZONTAL)
    largest = f'portfolio_risk_metrics{{{CHOSEN},metric="max_position_weight"}} {NAMED}'
    by_symbol = f"topk(10, portfolio_position_weight{{{CHOSEN}}} {NAMED})"
    panel = panel.with_target(now(largest, "{{portfolio_name}}: largest"))
    return panel.with_target(now(by_symbol, "{{portfolio_name}}: {{symbol}}", "B"))


def attribution() -> Panel:
    text = "What each position has made or lost, as a share of what the portfolios are worth; alpha beside it"
    panel = lines("Performance Attribution Analysis", text, "percentunit")
    value = f"scalar(sum(portfolio_total_value{{{CHOSEN}}}))"
    made = f"sum by (symbol) (portfolio_position_unrealized_pnl{{{CHOSEN}}}) / {value}"
    alpha = f'portfolio_performance_metrics{{{CHOSEN},metric="alpha"}} {NAMED}'
    panel = panel.with_target(query(made, "{{symbol}}"))
    return panel.with_target(query(alpha, "{{portfolio_name}} alpha", "B"))


def acceleration() -> Panel:
    text = (
        "Calls of native kernels by the device that really computed, their mean time, and which accelerators there are"
    )
    panel = lines("M4 Max Acceleration Metrics", text, "short")
    count, seconds = "portfolio_native_computations_total", "portfolio_native_computation_seconds_total"
    mean = f"sum by (kernel, device) ({seconds}) / sum by (kernel, device) ({count})"
    panel = panel.with_target(query(f"sum by (kernel, device) ({count})", "{{kernel}} on {{device}}: calls"))
    panel = panel.with_target(query(mean, "{{kernel}} on {{device}}: mean time", "B"))
    panel = panel.with_target(query("portfolio_accelerator_available", "{{accelerator}} there", "C"))
    panel = panel.with_target(
        query("sum by (reason) (portfolio_native_fallbacks_total)", "on the CPU: {{reason}}", "D")
    )
    return panel.override_by_query("B", [models.DynamicConfigValue("unit", "s")])


def values() -> Panel:
    panel = lines("Real-time Portfolio Values", "Value at current prices", "currencyUSD")
    return panel.with_target(query(f"portfolio_total_value{{{CHOSEN}}} {NAMED}", "{{portfolio_name}}"))


def _joined(panel: Panel, label: str, columns: dict[str, str]) -> Panel:
    """The queries as one table by that label, its columns named and in this order; the rest is left out."""
    join = models.DataTransformerConfig(id_val="joinByField", options={"byField": label, "mode": "outer"})
    only = {"include": {"pattern": f"^({'|'.join(columns)})$"}}
    keep = models.DataTransformerConfig(id_val="filterFieldsByName", options=only)
    order = {"indexByName": {name: place for place, name in enumerate(columns)}, "renameByName": columns}
    organize = models.DataTransformerConfig(id_val="organize", options={**order, "excludeByName": {}})
    return panel.transformations([join, keep, organize])


PANELS = (
    (values, FULL),
    (performance_tracking, HALF),
    (risk_return, HALF),
    (method_comparison, HALF),
    (rebalancing_frequency, HALF),
    (concentration, HALF),
    (attribution, HALF),
    (acceleration, FULL),
)


def build() -> str:
    """The dashboard as JSON."""
    chosen = dashboard.QueryVariable("portfolio_id").label("Portfolio").datasource(SOURCE).multi(True).include_all(True)
    chosen = chosen.query("label_values(portfolio_info, portfolio_id)").all_value(".+")
    chosen = chosen.refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
    chosen = chosen.current(models.VariableOption(text="All", value="$__all"))
    board = dashboard.Dashboard("Portfolio Engine").uid("portfolio-engine").tags(["portfolio"]).timezone("utc")
    board = board.refresh("15s").time("now-6h", "now").tooltip(models.DashboardCursorSync.CROSSHAIR)
    board = board.with_variable(chosen)
    for make, width in PANELS:
        board = board.with_panel(make().span(width).height(HEIGHT))
    return JSONEncoder(sort_keys=True, indent=2).encode(board.build()) + "\n"


if __name__ == "__main__":
    FILE.write_text(build())
