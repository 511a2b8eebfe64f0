"""Factor covariances against the matrices they stand for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from portfolio_engine import Constraints, FactorCovariance, Moments, View, black_litterman, optimize


def model(seed: int, n: int, k: int, *, identity: bool = False) -> FactorCovariance:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(k, k))
    F = None if identity else root @ root.T / k
    return FactorCovariance(rng.normal(0.0, 0.2, (n, k)), F, rng.uniform(0.005, 0.08, n))


def by_hand(given: FactorCovariance) -> np.ndarray:
    F = np.eye(given.loadings.shape[1]) if given.factor_covariance is None else given.factor_covariance
    return given.loadings @ F @ given.loadings.T + np.diag(given.specific_variance)


@pytest.mark.parametrize(("n", "k", "identity"), [(1, 1, False), (7, 3, False), (40, 5, True), (5, 0, True)])
def test_everything_agrees_with_the_dense_matrix(n: int, k: int, identity: bool) -> None:
    given = model(n, n, k, identity=identity)
    dense = by_hand(given)
    w = np.random.default_rng(1).normal(size=n)
    many = np.random.default_rng(2).normal(size=(n, 4))
    np.testing.assert_allclose(np.asarray(given), dense, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(given.times(w), dense @ w, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(given.times(many), dense @ many, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(given.diagonal(), np.diag(dense), rtol=1e-13)
    assert given.risk(w) == pytest.approx(np.sqrt(w @ dense @ w), rel=1e-13)
    assert given.shape == (n, n)
    assert len(given) == n
    np.testing.assert_allclose(np.asarray(given.scaled(252.0)), 252.0 * dense, rtol=1e-13)
    assert np.array_equal(np.asarray(given), np.asarray(given).T)


def test_labels_are_matched_whatever_their_order() -> None:
    given = model(3, 4, 2)
    assets, factors = list("ABCD"), ["value", "size"]
    labelled = FactorCovariance(
        pd.DataFrame(given.loadings, index=assets, columns=factors),
        pd.DataFrame(given.factor_covariance, index=factors, columns=factors).iloc[::-1, ::-1],
        pd.Series(given.specific_variance, index=assets).iloc[::-1],
    )
    assert labelled.names == tuple(assets)
    assert labelled.factor_names == tuple(factors)
    np.testing.assert_array_equal(np.asarray(labelled), np.asarray(given))


@pytest.mark.parametrize("shape", [(300, 8), (12, 30)])
def test_a_statistical_model_keeps_the_variances_and_the_largest_components(shape: tuple[int, int]) -> None:
    returns = np.random.default_rng(5).normal(0.0, 0.01, shape) @ np.random.default_rng(6).normal(size=(shape[1],) * 2)
    sample = np.cov(returns.T) * 252
    given = FactorCovariance.from_returns(returns, 3)
    values, vectors = np.linalg.eigh(sample)
    leading = vectors[:, -3:] * values[-3:] @ vectors[:, -3:].T
    np.testing.assert_allclose(given.loadings @ given.loadings.T, leading, rtol=1e-8, atol=1e-10 * sample.max())
    np.testing.assert_allclose(given.diagonal(), np.diag(sample), rtol=1e-10)
    everything = FactorCovariance.from_returns(returns, min(shape[0] - 1, shape[1]), periods_per_year=1)
    np.testing.assert_allclose(np.asarray(everything) * 252, sample, rtol=1e-8, atol=1e-10 * sample.max())
    frame = pd.DataFrame(returns, columns=[f"a{k}" for k in range(shape[1])])
    assert FactorCovariance.from_returns(frame, 3).names == tuple(frame.columns)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.ones(3), None, np.ones(3)), r"loadings: expected shape \(n, k\)"),
        ((np.ones((3, 2)), None, np.ones(2)), r"specific_variance: expected shape \(3,\), got \(2,\)"),
        ((np.ones((3, 2)), None, None), r"specific_variance: expected 3 variances, got None"),
        ((np.ones((3, 2)), None, [1.0, -1.0, 1.0]), r"specific_variance: expected numbers >= 0, got -1 for 1"),
        ((np.full((3, 2), np.nan), None, np.ones(3)), r"loadings: expected finite numbers"),
        ((np.ones((3, 2)), np.eye(3), np.ones(3)), r"factor_covariance: expected shape \(2, 2\), got \(3, 3\)"),
        (
            (np.ones((3, 2)), [[1.0, 2.0], [2.0, 1.0]], np.ones(3)),
            r"factor_covariance: .*smallest eigenvalue of -1",
        ),
        ((np.ones((3, 2)), [[1.0, 2.0], [0.0, 1.0]], np.ones(3)), r"factor_covariance: expected a symmetric matrix"),
    ],
)
def test_what_is_no_factor_covariance_is_refused_by_name(arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(ValueError, match=r"^\[FactorCovariance\] " + message):
        FactorCovariance(*arguments)


@pytest.mark.parametrize("factors", [-1, 5, 1.5, True])
def test_a_statistical_model_refuses_factors_it_cannot_have(factors: object) -> None:
    with pytest.raises(ValueError, match=r"factors: expected a whole number from 0 to 4, got"):
        FactorCovariance.from_returns(np.random.default_rng(1).normal(size=(5, 9)), factors)


METHODS = [
    ("mean_variance", {}),
    ("mean_variance", {"max_volatility": 0.12}),
    ("mean_variance", {"target_return": 0.12}),
    ("min_variance", {}),
    ("max_sharpe", {"risk_free_rate": 0.01}),
    ("risk_parity", {}),
    ("inverse_volatility", {}),
]


@pytest.mark.parametrize(("method", "options"), METHODS)
def test_optimising_on_factors_is_optimising_on_their_matrix(method: str, options: dict[str, float]) -> None:
    rng = np.random.default_rng(8)
    given, mu = model(4, 30, 3), rng.normal(0.08, 0.05, 30)
    rules = Constraints(max_weight=0.2, turnover=1.5, current_weights=np.full(30, 1 / 30))
    structured = optimize(Moments(mu, given), method, rules, **options)
    dense = optimize(Moments(mu, np.asarray(given)), method, rules, **options)
    assert structured.status == dense.status
    np.testing.assert_allclose(structured.weights, dense.weights, atol=1e-8)
    assert structured.expected_risk == pytest.approx(dense.expected_risk, rel=1e-10)
    np.testing.assert_allclose(structured.risk_contributions, dense.risk_contributions, atol=1e-8)


def test_moments_take_the_labels_of_the_factor_model() -> None:
    given = model(6, 3, 1)
    labelled = FactorCovariance(
        pd.DataFrame(given.loadings, index=list("ABC"), columns=["market"]),
        given.factor_covariance,
        given.specific_variance,
    )
    moments = Moments(pd.Series([0.3, 0.1, 0.2], index=list("CAB")), labelled)
    assert moments.names == tuple("ABC")
    np.testing.assert_array_equal(moments.mu, [0.1, 0.2, 0.3])
    assert list(optimize(moments, "min_variance").weights.index) == list("ABC")
    with pytest.raises(ValueError, match="expected those of the factor covariance"):
        Moments([0.1, 0.2, 0.3], labelled, names=("A", "B", "X"))
    with pytest.raises(ValueError, match=r"covariance: expected shape \(2, 2\), got \(3, 3\)"):
        Moments([0.1, 0.2], given)
    with pytest.raises(ValueError, match="got NaN or infinity for asset B"):
        Moments([0.1, np.nan, 0.2], labelled)


def test_black_litterman_on_factors() -> None:
    given = model(7, 6, 2)
    structured, dense = (
        black_litterman(Moments(np.zeros(6), sigma), views=[View({"0": 1, "3": -1}, 0.02)])
        for sigma in (given, np.asarray(given))
    )
    np.testing.assert_allclose(structured.mu, dense.mu, rtol=1e-12)
    np.testing.assert_allclose(structured.Sigma, dense.Sigma, rtol=1e-12)
    assert black_litterman(Moments(np.zeros(6), given)).factors is given


def test_the_optimisers_never_form_the_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    given = model(5, 400, 4)
    moments = Moments(np.random.default_rng(9).normal(0.08, 0.05, 400), given)

    def refused(*_: object, **__: object) -> np.ndarray:
        raise AssertionError("the dense matrix was formed")

    monkeypatch.setattr(FactorCovariance, "__array__", refused)
    for method in ("mean_variance", "min_variance", "max_sharpe"):
        allocation = optimize(moments, method, Constraints(max_weight=0.05))
        assert allocation.status == "optimal"
        assert allocation.residuals.largest <= 1e-8
    assert "Sigma" not in vars(moments)
