"""Measures of C. Bacon, "Practical Portfolio Performance Measurement and Attribution", 2nd edition (2008), as printed
in the documentation of R PerformanceAnalytics 2.1.0 on its 24 monthly returns `portfolio_bacon`.

28 are printed. Offered by this library as they are: mean absolute deviation, the Bernardo-Ledoit ratio
(gain_loss_ratio), downside deviation, pain index, Martin ratio, pain ratio and excess kurtosis. The others follow from
its results by the formula in their line and have no name of their own here: adjusted Sharpe, D ratio, Kappa,
omega-Sharpe; upside and downside potential, frequency, risk and variance; volatility and variability skewness, skewness
over kurtosis; Fama beta, and the population (ddof 0) or geometric forms of M squared, Jensen's alpha, modified Treynor
and the three risks. The 28th, PainRatio, is printed as 2.66; geometric return over the pain index is 2.593 on these
data, and no convention that we know gives 2.66.
"""

from __future__ import annotations

import numpy as np
import pytest

from portfolio_engine.performance import Performance, performance

# fmt: off
PORTFOLIO = np.array(
    [0.003, 0.026, 0.011, -0.010, 0.015, 0.025, 0.016, 0.067, -0.014, 0.040, -0.005, 0.081,
     0.040, -0.037, -0.061, 0.017, -0.049, -0.022, 0.070, 0.058, -0.065, 0.024, -0.005, -0.009]
)
BENCHMARK = np.array(
    [0.002, 0.025, 0.018, -0.011, 0.014, 0.018, 0.014, 0.065, -0.015, 0.042, -0.006, 0.083,
     0.039, -0.038, -0.062, 0.015, -0.048, 0.021, 0.060, 0.056, -0.067, 0.019, -0.003, 0.000]
)
# fmt: on
N, MAR = 24, 0.005
POPULATION = np.sqrt((N - 1) / N)  # from ddof 1 to ddof 0


def monthly(returns: np.ndarray, benchmark: np.ndarray | None = None, **options: float) -> Performance:
    return performance(returns, benchmark, periods_per_year=12, **options)


P = monthly(PORTFOLIO, BENCHMARK)
B = monthly(BENCHMARK)
ABOVE = monthly(PORTFOLIO, risk_free_rate=(1 + MAR) ** 12 - 1)  # the minimum acceptable return as the rate
SHIFTED = monthly(PORTFOLIO - MAR)

MEAN_ABOVE = P.annualized_return / 12 - MAR
DOWNSIDE = ABOVE.downside_deviation / np.sqrt(12)
DOWN_POTENTIAL = MEAN_ABOVE / (ABOVE.omega_ratio - 1)
UP_POTENTIAL = DOWN_POTENTIAL * ABOVE.omega_ratio
UP_VARIANCE = (P.volatility * POPULATION) ** 2 / 12 + MEAN_ABOVE**2 - DOWNSIDE**2
G1 = P.skewness * (N - 2) / np.sqrt(N * (N - 1))
G2 = ((N - 2) * (N - 3) / (N - 1) * P.kurtosis - 6) / (N + 1)  # excess, population
SHARPE = P.geometric_return / P.volatility
BETA_RISK = P.systematic_risk * POPULATION


@pytest.mark.parametrize(
    ("measure", "value", "printed", "digits"),
    [
        ("AdjustedSharpeRatio", SHARPE * (1 + G1 / 6 * SHARPE - G2 / 24 * SHARPE**2), 0.7591435, 5e-8),
        ("BernardoLedoitRatio", P.gain_loss_ratio, 1.78, 5e-3),
        (
            "DRatio",
            monthly(-PORTFOLIO).positive_share / P.positive_share / P.gain_loss_ratio,
            0.401,
            5e-4,
        ),
        ("DownsideDeviation(MAR=0.005)", DOWNSIDE, 0.0255, 5e-5),
        ("DownsidePotential(MAR=0.005)", DOWN_POTENTIAL, 0.0137, 5e-5),
        ("DownsideFrequency(MAR=0.005)", monthly(MAR - PORTFOLIO).positive_share, 0.458, 5e-4),
        ("UpsideFrequency(MAR=0.005)", SHIFTED.positive_share, 0.542, 5e-4),
        ("UpsideRisk(MAR=0.005)", np.sqrt(UP_VARIANCE), 0.02937, 5e-6),
        ("UpsideVariance(MAR=0.005)", UP_VARIANCE, 0.0008628, 5e-8),  # printed 0.08628: times 100
        ("UpsidePotential(MAR=0.005)", UP_POTENTIAL, 0.01771, 5e-6),
        ("VolatilitySkewness(MAR=0.005)", UP_VARIANCE / DOWNSIDE**2, 1.32, 5e-3),
        ("VariabilitySkewness(MAR=0.005)", np.sqrt(UP_VARIANCE) / DOWNSIDE, 1.15, 5e-3),
        ("OmegaSharpeRatio(MAR=0.005)", ABOVE.omega_ratio - 1, 0.29, 5e-3),
        ("Kappa(MAR=0.005, l=2)", ABOVE.sortino_ratio / np.sqrt(12), 0.157, 5e-4),
        ("MeanAbsoluteDeviation", P.mean_absolute_deviation, 0.031, 5e-4),
        ("Kurtosis(sample)", P.kurtosis + 3 * (N - 1) ** 2 / ((N - 2) * (N - 3)), 3.03, 5e-3),
        ("Kurtosis(sample_excess)", P.kurtosis, -0.41, 5e-3),
        ("SkewnessKurtosisRatio", G1 / (G2 + 3), -0.034, 5e-4),
        ("PainIndex", P.pain_index, 0.04, 5e-3),
        ("MartinRatio", P.martin_ratio, 1.7, 5e-2),
        ("MSquared(rf=0)", SHARPE * B.volatility, 0.10062, 5e-6),
        ("FamaBeta", P.volatility / B.volatility, 1.03, 5e-3),
        ("SpecificRisk", P.specific_risk * POPULATION, 0.0329, 5e-5),
        ("SystematicRisk", BETA_RISK, 0.13, 5e-4),  # printed 0.013: a misprint
        ("TotalRisk", P.volatility * POPULATION, 0.134, 5e-4),  # printed 0.0134: a misprint
        ("JensenAlpha", P.geometric_return - P.beta * B.geometric_return, -0.014, 5e-4),
        ("TreynorRatio(modified)", P.geometric_return / BETA_RISK, 0.7975, 5e-5),
    ],
)
def test_printed_measures(measure: str, value: float, printed: float, digits: float) -> None:
    assert value == pytest.approx(printed, rel=0, abs=digits), measure


def test_the_pain_ratio_is_not_the_printed_one() -> None:
    """Ours is the definition, on the pain index that does agree."""
    assert P.pain_ratio == pytest.approx(P.geometric_return / P.pain_index, rel=1e-12)
    assert P.pain_ratio == pytest.approx(2.5926254479, abs=1e-9)
