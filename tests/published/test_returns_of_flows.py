"""Published returns of portfolios with flows.

- Microsoft, "XIRR function" (Excel documentation): five dated payments, 37.3362535 %.
- CFA Institute, Level I curriculum, "Discounted Cash Flow Applications": a share bought at 200 and another at 225, both
  sold at 235, a dividend of 5 a share each year: money-weighted 9.39 %, time-weighted 15 % and 6.67 %;
  and the Walbright Fund of 2003, time-weighted 21.03 %.
- Bacon, Practical Portfolio Performance Measurement and Attribution, 2nd ed. 2008, ch. 2: 74.2m grows to 104.4m over a
  January with 37.1m paid in on the 14th: Modified Dietz -7.30 %.
- Lorie and Savage, "Three Problems in Rationing Capital", Journal of Business 28 (1955): the oil-pump investment
  -1600, +10000, -10000 with two rates, 25 % and 400 %.
- Teichroew, Robichek and Montalbano, "An Analysis of Criteria for Investment and Financing Decisions under Certainty",
  Management Science 12 (1965): investments whose equation no rate solves, such as +1, -2 (1 + r), +2 (1 + r)^2.
"""

from __future__ import annotations

import pytest

import portfolio_engine as pe


def test_the_example_of_a_spreadsheet() -> None:
    paid = [10000, -2750, -4250, -3250]
    dates = ["2008-01-01", "2008-03-01", "2008-10-30", "2009-02-15"]
    found = pe.money_weighted_return(paid, dates, final_value=2750, final_date="2009-04-01")
    assert found.status == "unique"
    assert found.annual_rate == pytest.approx(0.373362535, abs=1e-8)  # as near as the documentation says it is
    assert found.reported == found.annual_rate


def test_two_shares() -> None:
    dates = ["2021-01-01", "2022-01-01"]
    money = pe.money_weighted_return([200, 225 - 5], dates, final_value=2 * 235 + 2 * 5, final_date="2023-01-01")
    assert round(money.annual_rate, 4) == 0.0939
    # a share bought at 225 when the first one is worth 225 and has paid 5; the dividend leaves
    time = pe.time_weighted_return([200, 450, 480], [*dates, "2023-01-01"], [220], dates[1:], values_before=[230])
    assert time.returns == pytest.approx([0.15, 2 / 30])
    assert time.annual_rate == pytest.approx((1.15 * (1 + 2 / 30)) ** 0.5 - 1)
    assert time.estimated == ()


def test_walbright_fund() -> None:
    dates = ["2003-01-01", "2003-05-01", "2003-12-31"]
    found = pe.time_weighted_return([100, 132, 142.64], dates, [20], ["2003-05-01"], values_before=[112])
    assert found.returns.round(4).tolist() == [0.12, 0.0806]
    assert round(found.total_return, 4) == 0.2103
    assert found.reported == found.total_return  # 364 days are not annualised


def test_modified_dietz() -> None:
    found = pe.time_weighted_return([74.2, 104.4], ["2008-12-31", "2009-01-31"], [37.1], ["2009-01-14"])
    assert round(found.total_return, 4) == -0.0730
    assert found.estimated == (0,)


def test_two_rates_are_both_named_and_none_is_chosen() -> None:
    dates = ["2001-01-01", "2002-01-01", "2003-01-01"]
    found = pe.money_weighted_return([1600, -10000, 10000], dates, final_value=0, final_date="2003-01-01")
    assert found.status == "ambiguous"
    assert found.roots == pytest.approx([0.25, 4.0])
    assert found.annual_rate != found.annual_rate
    assert "0.25, 4" in found.reason


def test_no_rate_at_all() -> None:
    dates = ["2001-01-01", "2002-01-01", "2003-01-01"]
    found = pe.money_weighted_return([1, -2, 2], dates, final_value=0, final_date="2003-01-01")
    assert (found.status, found.roots) == ("none", ())
    assert "no rate above -100 %" in found.reason
