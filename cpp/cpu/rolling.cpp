// Windows of a series without a subtraction of what leaves them. The series is cut in blocks as long as a window; each
// window is the end of one block and the beginning of the next, and the sums of both are merged (Chan, Golub and
// LeVeque 1983, "Algorithms for computing the sample variance", eq. 2.1): O(T), and nothing cancels or drifts.
#include <algorithm>
#include <cmath>
#include <limits>

#include "cpu_backend.hpp"
#include "drawdowns.hpp"
#include "portfolio/performance.hpp"
#include "quantile.hpp"

namespace portfolio {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// A stretch of the series. Peak, trough and depth are of its value path, which starts at 1.
struct Stretch {
  double count = 0.0, mean = 0.0, second = 0.0;
  double market = 0.0, market_second = 0.0, cross = 0.0;
  double active = 0.0, active_second = 0.0;
  double squared_losses = 0.0;
  double growth = 1.0, peak = 1.0, trough = 1.0, depth = 0.0;
};

Stretch one_period(double value, double market, double rate) {
  const double loss = std::min(value - rate, 0.0), growth = 1.0 + value;
  Stretch s;
  s.count = 1.0;
  s.mean = value;
  s.market = market;
  s.active = value - market;
  s.squared_losses = loss * loss;
  s.growth = growth;
  s.peak = std::max(1.0, growth);
  s.trough = std::min(1.0, growth);
  s.depth = s.trough - 1.0;
  return s;
}

Stretch merged(const Stretch& a, const Stretch& b) {
  const double count = a.count + b.count, share = b.count / count, weight = a.count * share;
  const double up = b.mean - a.mean, market = b.market - a.market, active = b.active - a.active;
  Stretch s;
  s.count = count;
  s.mean = a.mean + up * share;
  s.second = a.second + b.second + up * up * weight;
  s.market = a.market + market * share;
  s.market_second = a.market_second + b.market_second + market * market * weight;
  s.cross = a.cross + b.cross + up * market * weight;
  s.active = a.active + active * share;
  s.active_second = a.active_second + b.active_second + active * active * weight;
  s.squared_losses = a.squared_losses + b.squared_losses;
  s.growth = a.growth * b.growth;
  s.peak = std::max(a.peak, a.growth * b.peak);
  s.trough = std::min(a.trough, a.growth * b.trough);
  s.depth = std::min({a.depth, b.depth, a.growth * b.trough / a.peak - 1.0});
  return s;
}

// The values of a window in order. One leaves and one enters: the values between their places move by one.
class SortedWindow {
 public:
  void enter(double value) { values_.insert(std::upper_bound(values_.begin(), values_.end(), value), value); }
  void replace(double old, double value) {
    auto from = std::lower_bound(values_.begin(), values_.end(), old);
    auto to = std::lower_bound(values_.begin(), values_.end(), value);
    if (from < to) {
      std::move(from + 1, to, from);
      *(to - 1) = value;
    } else {
      std::move_backward(to, from, from + 1);
      *to = value;
    }
  }
  const std::vector<double>& values() const { return values_; }

 private:
  std::vector<double> values_;
};

struct Row {
  const PerformanceOptions& options;
  double rate;

  void write(const Stretch& s, const std::vector<double>& sorted, std::size_t t, RollingResult& out) const {
    const double periods = options.periods_per_year, root = std::sqrt(periods), freedom = s.count - 1.0;
    const double excess = periods * (s.mean - rate), tail = 1.0 - options.confidence;
    out.total_return[t] = s.growth - 1.0;
    out.annualized_return[t] = s.mean * periods;
    out.volatility[t] = std::sqrt(s.second / freedom) * root;
    out.downside_deviation[t] = std::sqrt(s.squared_losses / s.count) * root;
    out.sharpe_ratio[t] = excess / out.volatility[t];
    out.sortino_ratio[t] = excess / out.downside_deviation[t];
    out.max_drawdown[t] = s.depth < -kSamePeak ? s.depth : 0.0;
    out.value_at_risk[t] = interpolated_quantile(sorted, tail);
    out.conditional_value_at_risk[t] = lower_tail_mean(sorted, tail);
    if (!options.benchmark) return;
    const bool varies = s.market_second > 0.0;
    const double beta = varies ? s.cross / s.market_second : kNaN;
    out.beta[t] = beta;
    out.alpha[t] = periods * (s.mean - rate - beta * (s.market - rate));
    out.correlation[t] = varies ? std::clamp(s.cross / std::sqrt(s.second * s.market_second), -1.0, 1.0) : kNaN;
    out.tracking_error[t] = std::sqrt(s.active_second / freedom) * root;
    out.information_ratio[t] = s.active * periods / out.tracking_error[t];
  }
};

}  // namespace

RollingResult CpuBackend::rolling_performance(VectorView returns, std::size_t window,
                                              const PerformanceOptions& options) const {
  const double rate = std::expm1(std::log1p(options.risk_free_rate) / options.periods_per_year);
  const Row row{options, rate};
  RollingResult out;
  for (const auto& [name, member] : rolling_measures()) (out.*member).assign(returns.size, kNaN);
  const auto period = [&](std::size_t t) {
    return one_period(returns[t], options.benchmark ? options.benchmark[t] : 0.0, rate);
  };
  std::vector<Stretch> ends(std::min(window, returns.size));  // ends[k]: from place k of the block before to its end
  Stretch beginning;
  SortedWindow sorted;
  for (std::size_t t = 0; t < returns.size; ++t) {
    const std::size_t place = t % window;
    beginning = place == 0 ? period(t) : merged(beginning, period(t));
    if (t < window) {
      sorted.enter(returns[t]);
    } else {
      sorted.replace(returns[t - window], returns[t]);
    }
    if (t + 1 < window) continue;
    row.write(place + 1 == window ? beginning : merged(ends[place + 1], beginning), sorted.values(), t, out);
    if (place + 1 < window) continue;
    for (std::size_t k = window; k-- > 0;) {  // the block is complete: its ends, from the last period back
      const Stretch last = period(t + 1 - window + k);
      ends[k] = k + 1 == window ? last : merged(last, ends[k + 1]);
    }
  }
  return out;
}

}  // namespace portfolio
