"""Moments: annualisation, missing data, labels, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from portfolio_engine import Moments, covariance, estimate_moments, nearest_psd, prices_to_returns

NAMES = ["AAA", "BBB", "CCC"]


def table(rows: int = 60, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    index = pd.bdate_range("2024-01-02", periods=rows)
    return pd.DataFrame(rng.normal(0.0005, 0.01, (rows, 3)), index=index, columns=NAMES)


def test_moments_are_annual_and_arithmetic() -> None:
    returns = table()
    moments = estimate_moments(returns, covariance_method="sample")
    np.testing.assert_allclose(moments.mu, returns.mean() * 252, rtol=1e-13)
    np.testing.assert_allclose(moments.Sigma, returns.cov() * 252, rtol=1e-12)
    monthly = estimate_moments(returns, covariance_method="sample", periods_per_year=12)
    np.testing.assert_allclose(monthly.mu * 21, moments.mu, rtol=1e-13)


def test_the_default_covariance_is_ledoit_wolf() -> None:
    returns = table()
    moments = estimate_moments(returns)
    reference = covariance(returns, method="ledoit_wolf")
    np.testing.assert_array_equal(moments.Sigma, np.asarray(reference.matrix) * 252)
    assert moments.method == "ledoit_wolf"
    assert 0 < moments.shrinkage == reference.shrinkage < 1


def test_labels_and_provenance_are_carried() -> None:
    returns = table()
    moments = estimate_moments(returns)
    assert list(moments.expected_returns.index) == NAMES == list(moments.covariance.columns)
    assert moments.names == tuple(NAMES) == moments.labels
    assert (moments.observations, moments.periods_per_year) == (60, 252.0)
    assert (moments.first_date, moments.last_date) == ("2024-01-02", str(returns.index[-1].date()))
    assert moments.device == "cpu"
    assert moments.device_reason


def test_arrays_stay_arrays() -> None:
    moments = estimate_moments(table().to_numpy())
    assert isinstance(moments.expected_returns, np.ndarray)
    assert isinstance(moments.covariance, np.ndarray)
    assert moments.names is None
    assert moments.labels == ("0", "1", "2")


def test_own_expectations_are_put_in_order() -> None:
    own = pd.Series({"CCC": 0.3, "AAA": 0.1, "BBB": 0.2})
    np.testing.assert_array_equal(estimate_moments(table(), expected_returns=own).mu, [0.1, 0.2, 0.3])


def test_mean_has_the_weights_of_the_covariance() -> None:
    returns, weights = table(), np.linspace(0.1, 1.0, 60)
    moments = estimate_moments(returns, covariance_method="sample", weights=weights)
    np.testing.assert_allclose(moments.mu, np.average(returns, axis=0, weights=weights) * 252, rtol=1e-12)


def test_missing_values_are_named_or_dropped() -> None:
    returns = table()
    returns.iloc[3, 1] = np.nan
    with pytest.raises(ValueError, match=r"\[estimate_moments\] returns: .* 1 NaN in column BBB; missing=\"common\""):
        estimate_moments(returns)
    kept = estimate_moments(returns, missing="common")
    assert kept.observations == 59
    np.testing.assert_array_equal(kept.Sigma, estimate_moments(returns.drop(returns.index[3])).Sigma)
    weights = np.arange(1.0, 61.0)
    weighted = estimate_moments(returns, missing="common", covariance_method="sample", weights=weights)
    rest = estimate_moments(returns.drop(returns.index[3]), covariance_method="sample", weights=np.delete(weights, 3))
    np.testing.assert_array_equal(weighted.mu, rest.mu)


@pytest.mark.parametrize(
    ("returns", "message"),
    [
        (table(1), "at least 2 rows, got 1"),
        (np.zeros(5), r"expected shape \(T, n\)"),
        (np.full((4, 2), np.nan), "4 NaN in column 0"),
        (np.abs(table().to_numpy()) * 1000 + 50, "for prices use prices_to_returns"),
    ],
)
def test_bad_returns(returns: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        estimate_moments(returns)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"covariance_method": "magic"}, "ledoit_wolf"),
        ({"missing": "drop"}, "missing: expected"),
        ({"periods_per_year": 0}, "periods_per_year"),
        ({"expected_returns": "median"}, "expected_returns"),
        ({"device": "metal"}, "metal"),
    ],
)
def test_bad_options(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        estimate_moments(table(), **options)


def test_prices_to_returns() -> None:
    prices = pd.DataFrame(
        {"A": [100.0, 110.0, 99.0], "B": [10.0, 10.0, 12.0]}, index=pd.bdate_range("2024-01-02", periods=3)
    )
    returns = prices_to_returns(prices)
    np.testing.assert_allclose(returns, [[0.1, 0.0], [-0.1, 0.2]], rtol=1e-12)
    assert list(returns.index) == list(prices.index[1:])
    np.testing.assert_array_equal(prices_to_returns(prices.to_numpy()), returns)


@pytest.mark.parametrize("bad", [0.0, -5.0, np.nan, np.inf])
def test_bad_prices_name_the_column(bad: float) -> None:
    prices = pd.DataFrame({"A": [1.0, 2.0, 3.0], "B": [1.0, bad, 3.0]})
    with pytest.raises(ValueError, match=r"\[prices_to_returns\] prices: .* in column B, row 1"):
        prices_to_returns(prices)


def test_prices_with_gaps_and_out_of_order() -> None:
    prices = pd.DataFrame({"A": [1.0, 2.0, 3.0], "B": [1.0, np.nan, 3.0]})
    np.testing.assert_array_equal(prices_to_returns(prices, missing="common"), [[2.0, 2.0]])
    with pytest.raises(ValueError, match="oldest first"):
        prices_to_returns(prices[["A"]].iloc[::-1])
    with pytest.raises(ValueError, match="at least 2 rows"):
        prices_to_returns(prices.iloc[:1])


def test_given_moments_are_checked() -> None:
    good = np.array([[0.04, 0.01], [0.01, 0.09]])
    with pytest.raises(ValueError, match="symmetric"):
        Moments([0.1, 0.2], np.array([[0.04, 0.01], [0.02, 0.09]]))
    with pytest.raises(ValueError, match="expected shape"):
        Moments([0.1, 0.2, 0.3], good)
    with pytest.raises(ValueError, match="for asset 1"):
        Moments([0.1, np.nan], good)
    with pytest.raises(ValueError, match="A more than once"):
        Moments([0.1, 0.2], good, names=("A", "A"))
    indefinite = np.array([[1.0, 0.9, 0.7], [0.9, 1.0, -0.9], [0.7, -0.9, 1.0]])
    with pytest.raises(ValueError, match=r"smallest eigenvalue of -0\.\d+; portfolio_engine.nearest_psd"):
        Moments(np.zeros(3), indefinite)
    repaired = Moments(np.zeros(3), nearest_psd(indefinite).matrix)  # the suggestion in the message works
    assert repaired.mu.size == 3


def test_given_moments_are_aligned_by_label() -> None:
    sigma = pd.DataFrame([[1.0, 0.2], [0.2, 4.0]], index=["X", "Y"], columns=["X", "Y"])
    moments = Moments(pd.Series({"Y": 0.2, "X": 0.1}), sigma)
    assert moments.names == ("X", "Y")
    np.testing.assert_array_equal(moments.mu, [0.1, 0.2])
    swapped = Moments(pd.Series({"Y": 0.2, "X": 0.1}), sigma, names=("Y", "X"))
    np.testing.assert_array_equal(swapped.Sigma, [[4.0, 0.2], [0.2, 1.0]])


def test_condition_number() -> None:
    assert Moments([0.0, 0.0], np.diag([1.0, 100.0])).condition_number == pytest.approx(100.0)
    assert Moments([0.0, 0.0], np.ones((2, 2))).condition_number == np.inf
