"""Names of the API and of the library for the same constraint, and the sample a request is answered from."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import portfolio_engine as pe
from portfolio_service.domain.errors import Unacceptable
from portfolio_service.domain.estimation import Sample
from portfolio_service.domain.requests import documented, field_of, refusal, to_constraints

SECTORS = {"AAPL": "Tech", "MSFT": "Tech", "XOM": "Energy"}
SYMBOLS = ("AAPL", "MSFT", "XOM", "SPY")


@pytest.mark.parametrize(
    ("library", "api"),
    [
        ("max_weight", "max_position_weight"),
        ("min_weight[AAPL]", "min_weights[AAPL]"),
        ("group_max[sector:Energy]", "max_sector_weight[Energy]"),
        ("group_min[tech]", "groups[tech].min"),
        ("linear_upper[tilt]", "linear[tilt].upper"),
        ("turnover", "max_turnover"),
        ("5 assets x max_weight 0.1 = 0.5 < budget 1", "5 assets x max_position_weight 0.1 = 0.5 < budget 1"),
        ("max_volatility", "max_volatility"),
    ],
)
def test_names_in_answers_are_those_of_the_api(library: str, api: str) -> None:
    assert documented(library) == api


def test_fields_point_into_the_request() -> None:
    assert [field_of(name) for name in ("budget", "target_return", "max_weight")] == [
        "budget",
        "target_return",
        "constraints.max_position_weight",
    ]


def test_every_documented_key_reaches_the_library() -> None:
    asked = {
        "max_position_weight": 0.5,
        "min_weights": {"AAPL": 0.1},
        "max_sector_weight": 0.6,
        "groups": {"oil": {"symbols": ["XOM"], "min": 0.05, "max": None}},
        "linear": {"tilt": {"coefficients": {"AAPL": 1.0, "MSFT": -1.0}, "lower": 0.0}},
        "max_turnover": 0.4,
    }
    built = to_constraints(asked, SYMBOLS, SECTORS.get, {"AAPL": 0.3})
    assert built.max_weight == 0.5
    assert built.min_weight == {"AAPL": 0.1, "*": 0.0}
    assert built.groups == {"sector:Tech": ("AAPL", "MSFT"), "sector:Energy": ("XOM",), "oil": ("XOM",)}
    assert built.group_max == {"sector:Tech": 0.6, "sector:Energy": 0.6}
    assert built.group_min == {"oil": 0.05}
    assert (built.turnover, built.current_weights) == (0.4, {"AAPL": 0.3, "MSFT": 0.0, "XOM": 0.0, "SPY": 0.0})
    assert set(built.linear) == {"tilt"}


def test_nothing_asked_is_long_only_and_fully_invested() -> None:
    assert to_constraints({}, SYMBOLS, SECTORS.get, {}) == pe.Constraints()


def test_a_sector_limit_without_sectors_is_refused() -> None:
    with pytest.raises(Unacceptable) as caught:
        to_constraints({"max_sector_weight": 0.3}, SYMBOLS, lambda symbol: None, {})
    assert caught.value.code == "sectors_unknown"


def test_only_an_argument_error_is_the_callers_fault() -> None:
    wrong = refusal(ValueError("[optimize] max_volatility: expected a number > 0, got -1"))
    assert (wrong.code, wrong.errors[0].field) == ("invalid_argument", "max_volatility")
    assert refusal(ValueError("Singular matrix")).code == "numerical_error"


def test_a_fingerprint_knows_every_number_date_and_parameter() -> None:
    index = pd.date_range("2025-01-01", periods=3)
    table = pd.DataFrame(np.arange(6.0).reshape(3, 2), index=index, columns=["A", "B"])
    base = Sample.of(table, "simulated")
    same = Sample.of(table.copy(), "simulated")
    assert base.fingerprint(["x", 1]) == same.fingerprint(["x", 1])
    others = [
        base.fingerprint(["x", 2]),
        Sample.of(table + 1e-15, "simulated").fingerprint(["x", 1]),
        Sample.of(table.set_axis(index + pd.Timedelta(days=1)), "simulated").fingerprint(["x", 1]),
        Sample.of(table.set_axis(["A", "C"], axis=1), "simulated").fingerprint(["x", 1]),
        Sample.of(table, "files").fingerprint(["x", 1]),
    ]
    assert len({base.fingerprint(["x", 1]), *others}) == 6
