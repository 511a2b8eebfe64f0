"""Nearest correlation matrices printed by N. J. Higham, "Computing the nearest correlation matrix - a problem from
finance", IMA J. Numerical Analysis 22 (2002) 329-343, to four decimals.
"""

from __future__ import annotations

import numpy as np
import pytest

from portfolio_engine.eigh import nearest_psd

THREE = (
    [[1, 1, 0], [1, 1, 1], [0, 1, 1]],
    [[1, 0.7607, 0.1573], [0.7607, 1, 0.7607], [0.1573, 0.7607, 1]],
)
# The nearest correlation matrix ignores the diagonal it is given: the paper's 2 becomes the 1 that must be kept.
FOUR = (
    [[1, -1, 0, 0], [-1, 1, -1, 0], [0, -1, 1, -1], [0, 0, -1, 1]],
    [
        [1, -0.8084, 0.1916, 0.1068],
        [-0.8084, 1, -0.6562, 0.1916],
        [0.1916, -0.6562, 1, -0.8084],
        [0.1068, 0.1916, -0.8084, 1],
    ],
)


@pytest.mark.parametrize(("given", "printed"), [THREE, FOUR], ids=["3x3", "4x4"])
def test_printed_answers(given: list[list[float]], printed: list[list[float]]) -> None:
    got = nearest_psd(given)
    assert got.converged
    np.testing.assert_allclose(got.matrix, printed, rtol=0, atol=5.1e-5)


def test_printed_distance() -> None:
    """The paper gives 0.5278 for the 3x3 case."""
    assert nearest_psd(THREE[0]).distance == pytest.approx(0.5278, abs=5e-5)


def test_the_given_diagonal_of_two_is_already_positive_definite() -> None:
    given = 2 * np.eye(4) - np.eye(4, k=1) - np.eye(4, k=-1)
    assert not nearest_psd(given).changed
