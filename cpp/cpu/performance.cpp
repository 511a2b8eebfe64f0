#include "portfolio/performance.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cpu_backend.hpp"
#include "drawdowns.hpp"
#include "quantile.hpp"

namespace portfolio {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Mean, deviations and sums of their powers. Taking the first value off first makes a constant series exactly flat.
struct Moments {
  std::vector<double> deviations;
  double mean = 0.0, second = 0.0, third = 0.0, fourth = 0.0, absolute = 0.0;
  double count = 0.0;

  explicit Moments(VectorView x) : deviations(x.size), count(static_cast<double>(x.size)) {
    double shift = 0.0;
    for (std::size_t t = 0; t < x.size; ++t) shift += x[t] - x[0];
    shift /= count;
    mean = x[0] + shift;
    for (std::size_t t = 0; t < x.size; ++t) {
      const double d = deviations[t] = x[t] - x[0] - shift;
      const double square = d * d;
      second += square;
      third += square * d;
      fourth += square * square;
      absolute += std::fabs(d);
    }
  }
  double variance() const { return count > 1.0 ? second / (count - 1.0) : kNaN; }
  // G1 and G2 of Joanes and Gill 1998, as in pandas and Excel.
  double skewness() const {
    const double g1 = third / count / std::pow(second / count, 1.5);
    return count > 2.0 ? g1 * std::sqrt(count * (count - 1.0)) / (count - 2.0) : kNaN;
  }
  double kurtosis() const {
    const double g2 = fourth / count / (second / count * (second / count)) - 3.0;
    return count > 3.0 ? ((count + 1.0) * g2 + 6.0) * (count - 1.0) / ((count - 2.0) * (count - 3.0)) : kNaN;
  }
};

double compounded(VectorView x) {
  double value = 1.0;
  for (std::size_t t = 0; t < x.size; ++t) value *= 1.0 + x[t];
  return value;
}

// Gains and losses against a rate: their sums, and the squares of the losses.
struct Sides {
  double gains = 0.0, losses = 0.0, squared_losses = 0.0;
  Sides(VectorView x, double rate) {
    for (std::size_t t = 0; t < x.size; ++t) {
      const double d = x[t] - rate;
      gains += std::max(d, 0.0);
      losses += std::max(-d, 0.0);
      squared_losses += d < 0.0 ? d * d : 0.0;
    }
  }
};

// Geometric mean return over the periods in which the benchmark rose (sign 1) or fell (-1), over the benchmark's own.
double capture(VectorView x, VectorView benchmark, double sign) {
  double ours = 0.0, theirs = 0.0, count = 0.0;
  for (std::size_t t = 0; t < x.size; ++t) {
    if (!(sign * benchmark[t] > 0.0)) continue;
    ours += std::log1p(x[t]);
    theirs += std::log1p(benchmark[t]);
    count += 1.0;
  }
  return count > 0.0 ? std::expm1(ours / count) / std::expm1(theirs / count) : kNaN;
}

void fill_relative(PerformanceResult& r, VectorView x, const Moments& own, double rate,
                   const PerformanceOptions& options) {
  const VectorView benchmark = options.benchmark;
  const double periods = options.periods_per_year, root = std::sqrt(periods);
  const Moments market(benchmark);
  std::vector<double> active(x.size);
  double cross = 0.0;
  for (std::size_t t = 0; t < x.size; ++t) {
    active[t] = x[t] - benchmark[t];
    cross += own.deviations[t] * market.deviations[t];
  }
  const Moments difference(view(active));
  const bool varies = market.second > 0.0;
  r.beta = varies ? cross / market.second : kNaN;
  r.correlation = varies ? std::clamp(cross / std::sqrt(own.second * market.second), -1.0, 1.0) : kNaN;
  r.alpha = periods * (own.mean - rate - r.beta * (market.mean - rate));
  r.tracking_error = std::sqrt(difference.variance()) * root;
  r.information_ratio = difference.mean * periods / r.tracking_error;
  r.treynor_ratio = periods * (own.mean - rate) / r.beta;
  const double market_volatility = std::sqrt(market.variance()) * root;
  r.m_squared = r.sharpe_ratio * market_volatility + periods * rate;
  r.systematic_risk = std::fabs(r.beta) * market_volatility;
  double residual = 0.0;
  for (std::size_t t = 0; t < x.size; ++t) {
    const double e = own.deviations[t] - r.beta * market.deviations[t];
    residual += e * e;
  }
  r.specific_risk = std::sqrt(residual / (own.count - 1.0)) * root;
  r.up_capture = capture(x, benchmark, 1.0);
  r.down_capture = capture(x, benchmark, -1.0);
}

void fill_path(PerformanceResult& r, VectorView x, double risk_free_rate) {
  const DrawdownPath path = drawdown_path(x);
  r.drawdowns = path.drawdowns;
  r.max_drawdown = r.drawdowns.empty() ? 0.0 : r.drawdowns.front().depth;
  double sum = 0.0;
  for (const Drawdown& d : r.drawdowns) {
    sum += d.depth;
    r.longest_drawdown = std::max(r.longest_drawdown, std::min(d.recovery, x.size) - d.peak);
  }
  r.average_drawdown = r.drawdowns.empty() ? 0.0 : sum / static_cast<double>(r.drawdowns.size());
  r.ulcer_index = path.root_mean_square;
  r.pain_index = path.mean;
  r.calmar_ratio = r.geometric_return / std::fabs(r.max_drawdown);
  r.martin_ratio = (r.geometric_return - risk_free_rate) / r.ulcer_index;
  r.pain_ratio = (r.geometric_return - risk_free_rate) / r.pain_index;
}

void fill_distribution(PerformanceResult& r, VectorView x, const Moments& own, double confidence) {
  std::vector<double> sorted(x.data, x.data + x.size);
  std::sort(sorted.begin(), sorted.end());
  r.best = sorted.back();
  r.worst = sorted.front();
  r.value_at_risk = interpolated_quantile(sorted, 1.0 - confidence);
  r.conditional_value_at_risk = lower_tail_mean(sorted, 1.0 - confidence);
  r.tail_ratio = std::fabs(interpolated_quantile(sorted, 0.95)) / std::fabs(interpolated_quantile(sorted, 0.05));
  r.positive_share =
      static_cast<double>(sorted.end() - std::upper_bound(sorted.begin(), sorted.end(), 0.0)) / own.count;
  r.skewness = own.skewness();
  r.kurtosis = own.kurtosis();
  r.mean_absolute_deviation = own.absolute / own.count;
}

}  // namespace

PerformanceResult CpuBackend::performance(VectorView returns, const PerformanceOptions& options) const {
  const double periods = options.periods_per_year, root = std::sqrt(periods);
  const double rate = std::expm1(std::log1p(options.risk_free_rate) / periods);
  const Moments own(returns);
  const Sides excess(returns, rate), plain(returns, 0.0);
  PerformanceResult r{};
  r.observations = returns.size;
  const double value = compounded(returns);
  r.total_return = value - 1.0;
  r.annualized_return = own.mean * periods;
  r.geometric_return = std::pow(value, periods / own.count) - 1.0;
  r.volatility = std::sqrt(own.variance()) * root;
  r.downside_deviation = std::sqrt(excess.squared_losses / own.count) * root;
  r.sharpe_ratio = periods * (own.mean - rate) / r.volatility;
  r.sortino_ratio = periods * (own.mean - rate) / r.downside_deviation;
  r.omega_ratio = excess.gains / excess.losses;
  r.gain_loss_ratio = plain.gains / plain.losses;
  fill_distribution(r, returns, own, options.confidence);
  fill_path(r, returns, options.risk_free_rate);
  r.alpha = r.beta = r.correlation = r.tracking_error = r.information_ratio = r.treynor_ratio = r.m_squared = kNaN;
  r.systematic_risk = r.specific_risk = r.up_capture = r.down_capture = kNaN;
  if (options.benchmark) fill_relative(r, returns, own, rate, options);
  return r;
}

}  // namespace portfolio
