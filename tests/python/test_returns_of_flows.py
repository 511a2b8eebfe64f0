"""Time- and money-weighted returns: properties, an independent root finder, hand calculations and nasty inputs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

import portfolio_engine as pe

START = datetime(2020, 1, 1, tzinfo=UTC)


def moments(days: Sequence[float]) -> list[datetime]:
    return [START + timedelta(days=day) for day in days]


def balance(flows: Sequence[float], days: Sequence[float], end: float, rate: float) -> float:
    return sum(flow * (1 + rate) ** ((end - day) / 365) for flow, day in zip(flows, days, strict=True))


amounts = st.floats(-1e6, 1e6).filter(lambda x: abs(x) > 1e-2)
spans = st.lists(st.integers(1, 1000), min_size=1, max_size=12, unique=True)


@given(value=st.floats(0.01, 1e9), growth=st.floats(0.05, 20), days=st.integers(1, 4000))
def test_without_flows_both_are_the_plain_return(value: float, growth: float, days: int) -> None:
    end = START + timedelta(days=days)
    time = pe.time_weighted_return([value, value * growth], [START, end])
    money = pe.money_weighted_return([value], [START], final_value=value * growth, final_date=end)
    assert time.total_return == pytest.approx(growth - 1, abs=1e-12)
    assert money.total_return == pytest.approx(growth - 1, rel=1e-12, abs=1e-12)
    assert money.annual_rate == pytest.approx(time.annual_rate, rel=1e-9, abs=1e-12)


@settings(max_examples=30)
@given(st.data())
def test_a_unique_rate_solves_the_equation_and_a_search_over_a_grid_agrees(data: st.DataObject) -> None:
    days = sorted(data.draw(spans))
    flows = [data.draw(amounts) for _ in days]
    final = data.draw(st.floats(0, 1e6))
    end = days[-1] + data.draw(st.integers(1, 400))
    found = pe.money_weighted_return(flows, moments(days), final_value=final, final_date=moments([end])[0])
    size = sum(abs(flow) for flow in flows) + final
    left = (end - np.array(days)) / (end - days[0])

    def gap(total: float) -> float:
        return float(np.dot(flows, (1 + total) ** left)) - final

    grid = np.expm1(np.linspace(-9, 9, 1500))
    signs = np.sign([gap(total) for total in grid])
    crossings = np.flatnonzero(signs[1:] * signs[:-1] < 0)
    if found.status == "unique":
        growth = 1 + found.total_return  # near zero it has few digits left
        blur = 1e-15 / growth if growth > 0 else 1.0
        assert gap(found.total_return) == pytest.approx(0, abs=size * max(1.0, growth) * (1e-9 + blur))
        assert len(crossings) <= 1
    solutions = [math.log1p(rate) * found.days / 365 for rate in found.roots if -1 < rate < math.inf]
    for k in crossings:  # nothing that a scan sees is missing
        root = brentq(gap, grid[k], grid[k + 1], xtol=1e-14)
        rate = math.expm1(min(math.log1p(root) * 365 / found.days, 700))
        assert rate > 1e300 or rate < -1 + 1e-9 or min(abs(math.log1p(root) - other) for other in solutions) < 1e-5
    if found.status == "none":
        assert len(crossings) == 0
        assert math.isnan(found.annual_rate)


@given(st.data(), st.floats(1e-3, 1e3), st.integers(-3000, 3000))
@settings(max_examples=25)
def test_the_unit_of_money_and_the_calendar_do_not_matter(data: st.DataObject, scale: float, shift: int) -> None:
    days = sorted(data.draw(spans))
    flows = [abs(data.draw(amounts)) for _ in days]
    end = days[-1] + 30
    final = sum(flows) * data.draw(st.floats(0.5, 2))

    def found(factor: float, moved: int) -> pe.MoneyWeightedReturn:
        dates = moments([day + moved for day in days])
        return pe.money_weighted_return(
            np.array(flows) * factor, dates, final_value=final * factor, final_date=moments([end + moved])[0]
        )

    assert found(scale, shift).annual_rate == pytest.approx(found(1, 0).annual_rate, rel=1e-9, abs=1e-12)


@given(st.data())
@settings(max_examples=30)
def test_true_returns_do_not_depend_on_flows(data: st.DataObject) -> None:
    """A fund with given growth between flows returns the product of the growths, whatever is paid in or out."""
    count = data.draw(st.integers(1, 8))
    growths = [data.draw(st.floats(0.5, 2)) for _ in range(count + 1)]
    value, before, flows = 1000.0, [], []
    for growth in growths[:-1]:
        value *= growth
        before.append(value)
        flows.append(data.draw(st.floats(-0.9, 5)) * value)
        value += flows[-1]
    found = pe.time_weighted_return(
        [1000, value * growths[-1]], moments([0, 100]), flows, moments(range(1, count + 1)), values_before=before
    )
    assert 1 + found.total_return == pytest.approx(np.prod(growths), rel=1e-9)


def test_flows_within_a_day_by_hand() -> None:
    """100 falls to 80, 120 comes in (200), which grows to 220; 50 leaves (170), which ends at 153."""
    day = datetime(2024, 3, 4, 21, tzinfo=UTC)
    flows = [datetime(2024, 3, 5, 15, tzinfo=UTC), datetime(2024, 3, 5, 17, tzinfo=UTC)]
    found = pe.time_weighted_return([100, 153], [day, day + timedelta(1)], [120, -50], flows, values_before=[80, 220])
    assert found.total_return == pytest.approx(0.8 * 1.1 * 0.9 - 1)
    part = pe.time_weighted_return([100, 153], [day, day + timedelta(1)], [120, -50], flows, values_before=[80, np.nan])
    # after the first flow 6 hours are left; 4 of them after the second
    dietz = (153 - 200 + 50) / (200 - 50 * 4 / 6)
    assert part.total_return == pytest.approx(0.8 * (1 + dietz) - 1)
    assert (found.estimated, part.estimated) == ((), (0,))


def test_a_flow_on_the_day_of_a_valuation_is_in_it() -> None:
    dates = ["2024-01-01", "2024-01-02", "2024-01-03"]
    found = pe.time_weighted_return([100, 160, 176], dates, [50], ["2024-01-02"])
    assert found.returns == pytest.approx([0.1, 0.1])


def test_labels_are_carried() -> None:
    values = pd.Series([100.0, 160, 176], pd.date_range("2024-01-01", periods=3, tz="UTC"))
    flows = pd.Series([50.0], [pd.Timestamp("2024-01-02", tz="UTC")])
    found = pe.time_weighted_return(values, flows=flows)
    assert list(found.returns.index) == list(values.index[1:])
    money = pe.money_weighted_return(
        pd.Series([100.0, 50], values.index[:2]), final_value=176, final_date=values.index[2]
    )
    assert money.status == "unique"


def test_every_form_of_a_date_is_the_same() -> None:
    forms: list[Any] = [
        ["2024-01-01", "2024-07-01"],
        [date(2024, 1, 1), date(2024, 7, 1)],
        [datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 7, 1, 3, tzinfo=timezone(timedelta(hours=3)))],
        np.array(["2024-01-01", "2024-07-01"], dtype="datetime64[ns]"),
        pd.DatetimeIndex(["2024-01-01", "2024-07-01"]),
    ]
    found = {pe.time_weighted_return([100, 110], form).annual_rate for form in forms}
    assert len(found) == 1


def test_an_empty_portfolio_has_no_return_and_value_from_nothing_has_none_either() -> None:
    days = moments([0, 1, 2, 3])
    idle = pe.time_weighted_return([100, 0, 0, 55], days, [-110, 50], moments([0.5, 2.5]), values_before=[110, 0])
    assert idle.returns == pytest.approx([0.1, 0, 0.1])
    odd = pe.time_weighted_return([0, 5, 6], moments([0, 1, 2]))
    assert np.isnan(odd.returns[0])
    assert odd.returns[1] == pytest.approx(0.2)
    assert math.isnan(odd.total_return)


def test_losing_everything() -> None:
    lost = pe.money_weighted_return([100, 50], moments([0, 10]), final_value=0, final_date=moments([20])[0])
    assert (lost.status, lost.annual_rate, lost.total_return) == ("unique", -1, -1)
    assert pe.time_weighted_return([100, 0], moments([0, 10])).reported == -1


def test_a_minute_that_doubles_is_more_than_a_float_in_a_year() -> None:
    end = START + timedelta(minutes=1)
    found = pe.money_weighted_return([100], [START], final_value=200, final_date=end)
    assert found.total_return == pytest.approx(1)
    assert found.annual_rate == math.inf
    assert found.reported == found.total_return


def test_a_long_record_is_quick_and_unique() -> None:
    rng = np.random.default_rng(3)
    days = np.sort(rng.choice(7000, 600, replace=False)).astype(float)
    flows = rng.normal(100, 300, 600)
    flows[0] = 1e5
    found = pe.money_weighted_return(flows, moments(days), final_value=5e5, final_date=moments([7001])[0])
    assert found.status == "unique"
    assert balance(flows.tolist(), days.tolist(), 7001, found.annual_rate) == pytest.approx(5e5)


@pytest.mark.parametrize(
    ("flows", "dates", "final", "end", "message"),
    [
        ([], [], 1, "2024-01-01", "flows: expected a vector of at least one"),
        ([1, np.nan], ["2024-01-01"] * 2, 1, "2024-02-01", "flows: expected finite"),
        ([1], ["2024-01-01"], np.inf, "2024-02-01", "final_value: expected a finite"),
        ([1, 2], ["2024-01-01"], 1, "2024-02-01", "dates: expected 2 of them"),
        ([1], ["2024-03-01"], 1, "2024-02-01", "final_date: expected no flow after it"),
        ([1], ["2024-02-01"], 1, "2024-02-01", "expected a flow before final_date"),
        ([1], [20240101], 1, "2024-02-01", "dates: expected dates, got int64"),
        ([1], [None], 1, "2024-02-01", "expected dates, got a missing one at 0"),
        ([1], ["yesterday"], 1, "2024-02-01", "dates: expected dates"),
        ([1], None, 1, "2024-02-01", "dates: expected dates beside values"),
        (["x"], ["2024-01-01"], 1, "2024-02-01", "flows: expected numbers"),
        ([1], ["2024-01-01"], 1, ["2024-02-01", "2024-02-02"], "final_date: expected one date"),
    ],
)
def test_wrong_arguments_of_the_money_weighted_return(
    flows: Any, dates: Any, final: float, end: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=rf"\[money_weighted_return\].*{message}"):
        pe.money_weighted_return(flows, dates, final_value=final, final_date=end)


@pytest.mark.parametrize(
    ("values", "dates", "flows", "flow_dates", "before", "message"),
    [
        ([1], ["2024-01-01"], [], None, None, "values: expected at least two"),
        ([1, np.inf], ["2024-01-01", "2024-01-02"], [], None, None, "values: expected finite numbers, got inf at 1"),
        ([1, 2], ["2024-01-02", "2024-01-02"], [], None, None, "dates: expected them to ascend, got number 1"),
        ([1, 2], ["2024-01-02"], [], None, None, "dates: expected 2 of them"),
        ([1, 2], ["2024-01-01", "2024-01-03"], [1], ["2024-01-01"], None, "flow_dates: expected all after the first"),
        ([1, 2], ["2024-01-01", "2024-01-03"], [1], ["2024-01-04"], None, "flow_dates: expected all after the first"),
        ([1, 2], ["2024-01-01", "2024-01-03"], [1], ["2024-01-02"], [1, 2], "values_before: expected 1 of them"),
        ([1, 2], ["2024-01-01", "2024-01-03"], [1], ["2024-01-02"], [np.inf], "values_before: expected finite"),
        ([[1, 2]], ["2024-01-01", "2024-01-03"], [], None, None, "values: expected a vector"),
    ],
)
def test_wrong_arguments_of_the_time_weighted_return(
    values: Any, dates: Any, flows: Any, flow_dates: Any, before: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=rf"\[time_weighted_return\] {message}"):
        pe.time_weighted_return(values, dates, flows, flow_dates, values_before=before)


series = st.lists(st.floats(-0.3, 0.3), min_size=1, max_size=40)


@given(series, st.booleans(), st.integers(0, 2**32))
@settings(max_examples=30)
def test_an_expanding_record_says_what_the_whole_one_says_of_each_beginning(
    returns: list[float], with_benchmark: bool, seed: int
) -> None:
    benchmark = np.random.default_rng(seed).normal(0, 0.02, len(returns)).tolist() if with_benchmark else None
    found = pe.expanding_performance(returns, benchmark, risk_free_rate=0.03)
    for k in range(len(returns)):
        market = benchmark[: k + 1] if benchmark else None
        one = pe.performance(returns[: k + 1], market, risk_free_rate=0.03)
        for name in ("total_return", "annualized_return", "volatility", "max_drawdown", "value_at_risk"):
            assert getattr(found, name)[k] == pytest.approx(getattr(one, name), rel=1e-9, abs=1e-12, nan_ok=True), name
        if one.volatility > 1e-6:
            assert found.sharpe_ratio[k] == pytest.approx(one.sharpe_ratio, rel=1e-7, abs=1e-9)
        for name in ("alpha", "beta"):
            assert getattr(found, name)[k] == pytest.approx(getattr(one, name), rel=1e-7, abs=1e-9, nan_ok=True), name


def test_a_gap_in_the_benchmark_ends_alpha_and_beta() -> None:
    found = pe.expanding_performance([0.01, 0.02, -0.01, 0.03], [0.01, 0.03, np.nan, 0.01])
    assert np.isfinite(found.beta[1])
    assert np.isnan(found.beta[2:]).all()
    assert np.isnan(found.alpha[2:]).all()


def test_a_constant_series_has_no_volatility_at_all() -> None:
    found = pe.expanding_performance([0.1] * 50)
    assert (found.volatility[1:] == 0).all()


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([],), {}, "returns: expected a vector of at least one"),
        (([0.1, np.nan],), {}, "returns: expected finite numbers, got nan at 1"),
        (([0.1, -1.1],), {}, "returns: expected none below -1, got -1.1 at 1"),
        (([0.1, 0.2], [0.1]), {}, "benchmark: expected 2 returns"),
        (([0.1], [np.inf]), {}, "benchmark: expected finite"),
        (([0.1],), {"risk_free_rate": -1}, "risk_free_rate: expected a number in"),
        (([0.1],), {"periods_per_year": 0}, "periods_per_year: expected a number in"),
        (([0.1],), {"confidence": 1}, "confidence: expected a number in"),
    ],
)
def test_wrong_arguments_of_the_expanding_record(arguments: Any, options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=rf"\[expanding_performance\] {message}"):
        pe.expanding_performance(*arguments, **options)
