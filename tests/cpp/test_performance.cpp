#include "check.hpp"
#include "portfolio/performance.hpp"

using namespace portfolio;

int main() {
  const std::vector<double> returns = {0.10, -0.20, 0.05, 0.30, -0.10};
  const std::vector<double> market = {0.05, -0.10, 0.02, 0.10, -0.04};
  PerformanceOptions options;
  options.benchmark = view(market);
  options.periods_per_year = 12.0;
  const auto r = performance(view(returns), options);
  // 1.1 x 0.8 x 1.05 x 1.3 x 0.9 = 1.08108
  CHECK_NEAR(r.total_return, 0.08108, 1e-15);
  CHECK_NEAR(r.annualized_return, 0.36, 1e-15);
  CHECK_NEAR(r.geometric_return, std::pow(1.08108, 12.0 / 5.0) - 1.0, 1e-15);
  CHECK_NEAR(r.volatility, std::sqrt(0.1480 / 4.0 * 12.0), 1e-15);  // squared deviations from the mean 0.03
  CHECK_NEAR(r.max_drawdown, -0.20, 1e-15);
  CHECK(r.drawdowns.size() == 2);
  CHECK(r.drawdowns[0].peak == 1 && r.drawdowns[0].valley == 2 && r.drawdowns[0].recovery == 4);
  CHECK(r.drawdowns[1].peak == 4 && r.drawdowns[1].valley == 5 && r.drawdowns[1].recovery == 6);
  CHECK(r.longest_drawdown == 3);
  CHECK_NEAR(r.value_at_risk, -0.20 + 0.2 * 0.10, 1e-15);
  CHECK_NEAR(r.conditional_value_at_risk, -0.20, 1e-15);
  CHECK_NEAR(r.positive_share, 0.6, 0.0);
  CHECK_NEAR(r.omega_ratio, 0.45 / 0.30, 1e-15);
  CHECK_NEAR(r.beta,
             (0.07 * 0.044 + 0.23 * 0.106 + 0.02 * 0.014 + 0.27 * 0.094 + 0.13 * 0.046) /
                 (0.044 * 0.044 + 0.106 * 0.106 + 0.014 * 0.014 + 0.094 * 0.094 + 0.046 * 0.046),
             1e-14);

  const auto alone = performance(view(returns));
  CHECK(std::isnan(alone.beta) && std::isnan(alone.alpha) && std::isnan(alone.up_capture));
  const std::vector<double> constant(9, 0.01), ruin = {-1.0, 0.5};
  CHECK(performance(view(constant)).volatility == 0.0);
  CHECK(std::isinf(performance(view(constant)).sharpe_ratio));
  CHECK_NEAR(performance(view(ruin)).total_return, -1.0, 0.0);
  CHECK_NEAR(performance(view(ruin)).max_drawdown, -1.0, 0.0);
  CHECK(std::isnan(performance({returns.data(), 1}).volatility));

  CHECK_THROWS(performance({returns.data(), 0}), "[performance] returns: expected at least 1 observation, got none");
  CHECK_THROWS(performance({returns.data(), 3}, options), "benchmark: expected one for each of the 3 returns, got 5");
  const std::vector<double> below = {0.1, -1.5};
  CHECK_THROWS(performance(view(below)), "got -1.5 at [1]");
  options.confidence = 1.0;
  CHECK_THROWS(performance(view(returns), options), "confidence");

  // A table has the numbers of each column; a window those of a series of its own.
  const Matrix table = [] {
    Matrix m(40, 19);
    for (std::size_t k = 0; k < m.data.size(); ++k) m.data[k] = 0.02 * std::sin(static_cast<double>(k * k));
    return m;
  }();
  std::vector<double> index(40);
  for (std::size_t t = 0; t < 40; ++t) index[t] = 0.01 * std::cos(static_cast<double>(t));
  PerformanceOptions beside;
  beside.benchmark = view(index);
  const auto all = performance_batch(table.view(), beside);
  CHECK(all.size() == 19);
  for (std::size_t k = 0; k < all.size(); ++k) {
    std::vector<double> column(40);
    for (std::size_t t = 0; t < 40; ++t) column[t] = table(t, k);
    const auto one = performance(view(column), beside);
    CHECK(all[k].sharpe_ratio == one.sharpe_ratio && all[k].conditional_value_at_risk == one.conditional_value_at_risk);
    CHECK(all[k].max_drawdown == one.max_drawdown && all[k].up_capture == one.up_capture && all[k].drawdowns.empty());
    const auto rolling = rolling_performance(view(column), 12, beside);
    CHECK(std::isnan(rolling.volatility[10]) && rolling.volatility.size() == 40);
    for (std::size_t t = 11; t < 40; ++t) {
      PerformanceOptions part;
      part.benchmark = {&index[t - 11], 12};
      const auto alone_there = performance({&column[t - 11], 12}, part);
      CHECK_NEAR(rolling.volatility[t], alone_there.volatility, 1e-13);
      CHECK_NEAR(rolling.max_drawdown[t], alone_there.max_drawdown, 1e-14);
      CHECK_NEAR(rolling.beta[t], alone_there.beta, 1e-12);
      CHECK(rolling.value_at_risk[t] == alone_there.value_at_risk);
    }
  }
  CHECK_THROWS(rolling_performance(view(index), 1), "[rolling_performance] window: expected at least 2 returns, got 1");
  return check::finish();
}
