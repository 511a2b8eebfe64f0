"""Covariance estimators against NumPy, pandas and the formulas of the papers written out another way."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import pytest

from portfolio_engine import default_device, kernels
from portfolio_engine.covariance import covariance


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    before = kernels.num_threads()
    yield kernels.set_num_threads
    kernels.set_num_threads(before)


METHODS = ("sample", "exponential", "ledoit_wolf", "oas")
SINGLE = default_device() == "metal"  # these tests run once more with a GPU as the default device


def assert_close(got: object, want: np.ndarray, rtol: float, atol: float = 1e-18) -> None:
    """Every entry to float64; from a GPU to float32, in units of its two assets' volatilities."""
    want = np.atleast_2d(want)
    if not SINGLE:
        np.testing.assert_allclose(np.asarray(got), want, rtol=rtol, atol=atol)
        return
    scale = np.sqrt(np.diag(want))
    assert (np.abs(np.asarray(got) - want) <= 1e-5 * np.outer(scale, scale) + atol).all()


def share(value: float, rel: float) -> object:
    return pytest.approx(value, rel=1e-3 if SINGLE else rel, abs=1e-5 if SINGLE else 1e-12)


def market(rows: int, assets: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 0.01 * (rng.standard_normal((rows, 1)) + rng.standard_normal((rows, assets))) + 0.0005


def estimate(returns: np.ndarray, method: str, **options: object) -> np.ndarray:
    extra = {"halflife": 20.0} if method == "exponential" else {}
    return np.asarray(covariance(returns, method=method, **extra, **options))


def reference_ledoit_wolf(x: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, float]:
    """Ledoit and Wolf 2004, lemmas 3.2 to 3.5, one observation at a time; p = 1/T in the paper."""
    n = x.shape[1]
    x = x - p @ x
    s = sum(w * np.outer(row, row) for w, row in zip(p, x, strict=True))
    m = np.trace(s) / n
    d2 = np.sum((s - m * np.eye(n)) ** 2)
    b2 = min(d2, sum(w * w * np.sum((np.outer(row, row) - s) ** 2) for w, row in zip(p, x, strict=True)))
    share = b2 / d2
    return share * m * np.eye(n) + (1 - share) * s, share


@pytest.mark.parametrize("shape", [(2, 1), (2, 5), (10, 50), (250, 8), (40, 300)])
@pytest.mark.parametrize("ddof", [0, 1])
def test_sample_is_numpy_cov(shape: tuple[int, int], ddof: int) -> None:
    x = market(*shape)
    got = covariance(x, ddof=ddof)
    want = np.cov(x.T, ddof=ddof)
    assert_close(got, want, rtol=1e-12)
    np.testing.assert_allclose(got.mean, x.mean(axis=0), rtol=1e-13, atol=1e-18)
    assert got.observations == shape[0] == got.effective_observations
    assert got.shrinkage == 0


def test_every_number_of_few_assets() -> None:
    """The loops for few assets have edges at every width, and another way takes over beyond them."""
    for n in (*range(1, 60), 95, 142, 143, 144, 145, 160):
        x = market(23 + n, n, seed=n)
        twin = np.column_stack([x, x[:, :1]])
        got = np.asarray(covariance(twin))
        assert_close(got, np.cov(twin.T), rtol=1e-11)
        np.testing.assert_array_equal(got, got.T)
        if not SINGLE:
            np.testing.assert_array_equal(got[0], got[-1])  # the same asset twice


def test_weights_are_numpy_aweights() -> None:
    x, w = market(120, 6), np.random.default_rng(1).random(120) * 9
    for ddof in (0, 1, 2.5):
        got = covariance(x, weights=w, ddof=ddof)
        p = w / w.sum()
        centred = x - p @ x
        want = (centred.T * p) @ centred / (1 - ddof * (p @ p))
        assert_close(got, want, rtol=1e-12)
        np.testing.assert_allclose(got.mean, np.average(x, axis=0, weights=w), rtol=1e-12)
        assert got.effective_observations == pytest.approx(1 / (p @ p), rel=1e-13)
    assert_close(covariance(x, weights=w), np.cov(x.T, aweights=w), rtol=1e-12)


def test_zero_weights_leave_rows_out() -> None:
    x = market(60, 4)
    kept = np.arange(60) % 3 > 0
    for method in ("sample", "ledoit_wolf", "oas"):
        got = estimate(x, method, weights=kept)
        assert_close(got, estimate(x[kept], method), rtol=1e-11)


def test_exponential_is_pandas_ewm() -> None:
    x = pd.DataFrame(market(200, 5), columns=list("abcde"))
    for bias, ddof in ((False, 1), (True, 0)):
        want = x.ewm(halflife=30).cov(bias=bias).loc[199]
        got = covariance(x, method="exponential", halflife=30, ddof=ddof)
        assert_close(got, want.to_numpy(), rtol=1e-11)
    np.testing.assert_allclose(got.mean, x.ewm(halflife=30).mean().iloc[-1], rtol=1e-12)


@pytest.mark.parametrize("shape", [(2, 3), (10, 50), (100, 3), (500, 60)])
def test_ledoit_wolf_is_the_paper(shape: tuple[int, int]) -> None:
    x = market(*shape)
    want, expected = reference_ledoit_wolf(x, np.full(shape[0], 1 / shape[0]))
    got = covariance(x, method="ledoit_wolf")
    assert got.shrinkage == share(expected, 1e-9)
    assert_close(got, want, rtol=1e-9, atol=1e-17)


def test_ledoit_wolf_with_weights_is_the_weighted_formula() -> None:
    x, w = market(80, 7), np.random.default_rng(3).random(80)
    want, expected = reference_ledoit_wolf(x, w / w.sum())
    got = covariance(x, method="ledoit_wolf", weights=w)
    assert 0 < got.shrinkage == share(expected, 1e-9)
    assert_close(got, want, rtol=1e-9, atol=1e-17)


def test_oas_is_the_formula() -> None:
    for shape in ((10, 50), (100, 3), (500, 60)):
        x = market(*shape)
        s = np.cov(x.T, ddof=0)
        n, t = shape[1], shape[0]
        tr2, square = np.trace(s) ** 2, np.trace(s @ s)
        expected = min(1.0, (square + tr2) / ((t + 1) * (square - tr2 / n)))
        got = covariance(x, method="oas")
        assert got.shrinkage == share(expected, 1e-11)
        want = (1 - expected) * s + expected * np.trace(s) / n * np.eye(n)
        assert_close(got, want, rtol=1e-10)


def test_shrinkage_agrees_with_scikit_learn() -> None:
    """Answers of scikit-learn 1.9.1 (sklearn.covariance.ledoit_wolf, oas) on a table anyone can rebuild."""
    t = np.arange(1, 25)
    x = np.column_stack([np.sin(t), 0.5 * np.sin(t) + np.cos(3 * t) / 2, np.cos(t * t) * 2])
    expected = {
        "ledoit_wolf": (
            0.15789021575786677,
            [
                [0.5752207284721904, 0.22062863603440475, 0.0008221603722284338],
                [0.22062863603440475, 0.35833580644865043, -0.01429939286594559],
                [0.0008221603722284338, -0.01429939286594559, 1.640246694826319],
            ],
        ),
        "oas": (
            0.28107092185914534,
            [
                [0.6165750406490129, 0.18835589478210066, 0.0007018977923669118],
                [0.18835589478210066, 0.4314152432321463, -0.012207730539955677],
                [0.0007018977923669118, -0.012207730539955677, 1.5258129458660004],
            ],
        ),
    }
    for method, (shrinkage, matrix) in expected.items():
        got = covariance(x, method=method)
        assert got.shrinkage == share(shrinkage, 1e-12)
        assert_close(got, np.array(matrix), rtol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_properties(method: str) -> None:
    x = market(90, 12)
    s = estimate(x, method)
    assert np.array_equal(s, s.T)
    assert np.linalg.eigvalsh(s)[0] >= -1e-18
    assert_close(estimate(x * 1e4, method), 1e8 * s, rtol=1e-11)  # homogeneous
    assert_close(estimate(x + 0.3, method), s, rtol=1e-9, atol=1e-16)  # translation
    order = np.random.default_rng(5).permutation(12)
    assert_close(estimate(x[:, order], method), s[np.ix_(order, order)], rtol=1e-11)


@pytest.mark.parametrize("method", METHODS)
def test_threads_do_not_change_a_bit(method: str, threads: Callable[[int], None]) -> None:
    x = market(300, 530)
    threads(1)
    one = estimate(x, method)
    threads(3)
    assert np.array_equal(one, estimate(x, method))


@pytest.mark.parametrize("method", METHODS)
def test_nasty_tables(method: str) -> None:
    x = market(30, 6)
    x[:, 2] = x[:, 1]  # duplicate
    x[:, 4] = 0.0123456789  # no variance, and a mean that rounds
    x[:, 5] *= 1e8  # mixed units
    s = estimate(x, method)
    assert np.isfinite(s).all()
    assert s[1, 1] == s[2, 2]
    if method in ("sample", "exponential"):
        assert (s[4] == 0).all()
        assert s[1, 2] == s[1, 1]
    constant = estimate(np.full((5, 3), 0.1), method)
    assert (constant == 0).all()
    level = market(50, 3) + 1e6  # a large common level must not cost the variance
    assert_close(estimate(level, "sample"), np.cov((level - 1e6).T), rtol=1e-9, atol=1e-15)


def test_layouts_and_types() -> None:
    x = market(64, 5)
    s = estimate(x, "sample")
    wide = np.zeros((128, 10))
    wide[::2, ::2] = x
    for same in (np.asfortranarray(x), wide[::2, ::2], x.tolist(), pd.DataFrame(x)):
        assert np.array_equal(estimate(same, "sample"), s)
    narrow = x.astype(np.float32)
    assert np.array_equal(estimate(narrow, "ledoit_wolf"), estimate(narrow.astype(np.float64), "ledoit_wolf"))
    assert np.asarray(covariance(narrow)).dtype == np.float64
    assert np.asarray(covariance(x), dtype=np.float32).dtype == np.float32


def test_labels_are_carried() -> None:
    x = pd.DataFrame(market(20, 2), columns=["A", "B"], index=pd.date_range("2024-01-01", periods=20))
    got = covariance(x)
    assert list(got.matrix.columns) == list(got.matrix.index) == list(got.mean.index) == ["A", "B"]
    assert got.device in ("cpu", "metal")
    assert got.device_reason
    x.iloc[7, 1] = np.nan
    with pytest.raises(ValueError, match=r"\[covariance\] returns: .* got nan at row 2024-01-08 .*, column B"):
        covariance(x)


@pytest.mark.parametrize(
    ("returns", "options", "message"),
    [
        (np.zeros((1, 3)), {}, r"returns: expected at least 2 observations, got shape \(1, 3\)"),
        (np.zeros((3, 0)), {}, r"returns: expected at least 1 asset, got shape \(3, 0\)"),
        (np.zeros(3), {}, r"returns: expected a matrix, got shape \(3,\)"),
        ([[1.0, np.inf], [0, 0]], {}, r"returns: expected finite numbers, got inf at \[0, 1\]"),
        ([["a", "b"], ["c", "d"]], {}, "returns: expected numbers, got list"),
        (np.eye(3) * 1j, {}, "returns: expected numbers"),
        (np.eye(3), {"method": "shrunk"}, "method: expected one of sample, exponential, ledoit_wolf, oas"),
        (np.eye(3), {"ddof": 3}, "ddof: expected less than the 3 effective observations, got 3"),
        (np.eye(3), {"ddof": -1}, "ddof: expected a number not below 0, got -1"),
        (np.eye(3), {"ddof": 1, "method": "oas"}, "ddof: expected none or 0 with method='oas', got 1"),
        (np.eye(3), {"method": "exponential"}, "halflife: expected a number of rows, got None"),
        (np.eye(3), {"method": "exponential", "halflife": -2}, "halflife: expected a positive number .*got -2"),
        (np.eye(3), {"halflife": 5}, "halflife: expected none unless"),
        (np.eye(3), {"weights": [1, 1]}, "weights: expected one for each of the 3 observations, got 2"),
        (np.eye(3), {"weights": [1, -1, 1]}, r"weights: expected no negative weight, got -1 at \[1\]"),
        (np.eye(3), {"weights": [1, 0, 0]}, "weights: expected at least 2 positive weights, got 1"),
        (np.eye(3), {"weights": [1, np.nan, 0]}, "weights: expected finite numbers"),
        (np.eye(3), {"device": "gpu"}, 'device: expected "auto", "cpu" or "metal", got "gpu"'),
    ],
)
def test_errors(returns: object, options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=r"^\[covariance\] " + message):
        covariance(returns, **options)
