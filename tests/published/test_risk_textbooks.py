"""Value at risk and expected shortfall against the numbers that textbooks print."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import norm

import portfolio_engine as pe

Floats = npt.NDArray[np.float64]


def sample_with(deviations: list[float]) -> Floats:
    """Returns whose sample mean is zero and whose sample covariance (ddof 1) is diagonal with these deviations."""
    walsh = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]] * 50, dtype=float)[:, : len(deviations)]
    found: Floats = walsh * np.sqrt((len(walsh) - 1) / len(walsh)) * deviations
    return found


def test_jorion_component_var() -> None:
    """Jorion 2007, Value at Risk, 3rd edition, chapter 7: $2 million of CAD (5 %) and $1 million of EUR (12 %),
    uncorrelated, at 1.65 deviations: VaR $257,738, components $105,630 and $152,108, to his rounding."""
    money = np.array([2e6, 1e6])
    found = pe.tail_risk(sample_with([0.05, 0.12]), money, confidence=float(norm.cdf(1.65)), method="gaussian")
    assert -found.value_at_risk == pytest.approx(257_738, abs=5)
    assert [-x for x in found.value_at_risk_contributions] == pytest.approx([105_630, 152_108], abs=60)
    split = pe.risk_decomposition(np.diag([0.05**2, 0.12**2]), money)
    assert split.volatility == pytest.approx(156_205, abs=1)
    assert 1.65 * split.marginal == pytest.approx([0.0528, 0.1521], abs=1e-4)


@pytest.mark.parametrize(
    ("confidence", "value_at_risk", "shortfall"),
    [(0.90, 162.1, 222.0), (0.95, 208.1, 260.9), (0.975, 247.9, 295.7), (0.99, 294.3, 337.1), (0.995, 325.8, 365.8)],
)
def test_mcneil_frey_embrechts_normal_model(confidence: float, value_at_risk: float, shortfall: float) -> None:
    """McNeil, Frey and Embrechts 2005, Quantitative Risk Management, table 2.1, normal column: 10,000 in a stock of
    20 % annual volatility, 250 days."""
    found = pe.tail_risk(sample_with([0.2 / np.sqrt(250)]), [10_000.0], confidence=confidence, method="gaussian")
    assert -found.value_at_risk == pytest.approx(value_at_risk, abs=0.06)
    assert -found.conditional_value_at_risk == pytest.approx(shortfall, abs=0.06)
