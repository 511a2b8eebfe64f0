"""Fifteen values printed in the tests of empyrical-reloaded (tests/test_stats.py, commit efe60664).

Its series start with a NaN that some functions count as 0 and others drop; this library refuses NaN, so each case
passes the series that empyrical really used.
"""

from __future__ import annotations

import pytest

from portfolio_engine.performance import performance

DROPPED = [0.01, 0.1, -0.04, 0.02, 0.03, 0.02, 0.01, -0.1]
ZEROED = [0.0, *DROPPED]
NEGATIVE = [0.0, -0.06, -0.07, -0.01, -0.09, -0.02, -0.06, -0.08, -0.05]
BENCHMARK = [0.01, 0.0, 0.01, 0.0, 0.01, 0.0, 0.01, 0.0]


@pytest.mark.parametrize(
    ("measure", "returns", "printed", "digits"),
    [
        ("total_return", ZEROED, 0.03893, 5e-6),
        ("total_return", NEGATIVE, -0.3659, 5e-5),
        ("max_drawdown", ZEROED, -0.1, 1e-15),
        ("max_drawdown", NEGATIVE, -0.3659073, 5e-8),
        ("geometric_return", ZEROED, 1.9135925373194231, 1e-12),
        ("volatility", DROPPED, 0.9136465399704637, 1e-15),
        ("calmar_ratio", ZEROED, 19.135925373194233, 1e-11),
        ("sharpe_ratio", DROPPED, 1.7238613961706866, 1e-14),
        ("sharpe_ratio", NEGATIVE, -24.406808633910085, 1e-13),
        ("downside_deviation", DROPPED, 0.6044832503882965, 1e-15),
        ("sortino_ratio", DROPPED, 2.605531251673693, 1e-14),
        ("sortino_ratio", NEGATIVE, -13.532743075043401, 1e-13),
        ("tail_ratio", ZEROED, 0.9473684210526313, 1e-14),
    ],
)
def test_printed_values(measure: str, returns: list[float], printed: float, digits: float) -> None:
    assert getattr(performance(returns), measure) == pytest.approx(printed, rel=0, abs=digits)


def test_sharpe_ratio_against_a_series_is_the_information_ratio() -> None:
    got = performance(DROPPED, BENCHMARK).information_ratio
    assert got == pytest.approx(0.34111411441060574, abs=1e-14)


def test_omega_ratio_at_a_required_annual_return_of_ten() -> None:
    """empyrical takes the annual rate down to a period as this library does with the risk-free rate."""
    got = performance(DROPPED, risk_free_rate=10.0).omega_ratio
    assert got == pytest.approx(0.8335426349755793, abs=1e-14)
