#include "portfolio/performance.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cpu_backend.hpp"
#include "drawdowns.hpp"
#include "parallel.hpp"
#include "performance_sums.hpp"
#include "quantile.hpp"

namespace portfolio {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kStrip = 16;  // portfolios of a batch whose columns are copied out together

// G1 and G2 of Joanes and Gill 1998, as in pandas and Excel.
double skewness(const Powers& own, double count) {
  const double g1 = own.third / count / std::pow(own.second / count, 1.5);
  return count > 2.0 ? g1 * std::sqrt(count * (count - 1.0)) / (count - 2.0) : kNaN;
}

double kurtosis(const Powers& own, double count) {
  const double g2 = own.fourth / count / (own.second / count * (own.second / count)) - 3.0;
  return count > 3.0 ? ((count + 1.0) * g2 + 6.0) * (count - 1.0) / ((count - 2.0) * (count - 3.0)) : kNaN;
}

// Ascending ranks of the order statistics behind the quantiles and the tail of `count` returns.
std::vector<std::size_t> tail_ranks(std::size_t count, double tail) {
  std::vector<std::size_t> ranks = {tail_edge(count, tail)};
  for (const double probability : {tail, 0.05, 0.95}) {
    const auto below = static_cast<std::size_t>(probability * static_cast<double>(count - 1));
    ranks.push_back(below);
    ranks.push_back(std::min(below + 1, count - 1));
  }
  std::sort(ranks.begin(), ranks.end());
  ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
  return ranks;
}

// What all portfolios share: options per period, and the benchmark's own statistics.
struct Common {
  const PerformanceOptions& options;
  double periods, root, rate;
  std::vector<std::size_t> ranks;
  Centre market{};
  double market_second = 0.0, rises = 0.0, falls = 0.0, risen = 0.0, fallen = 0.0;

  Common(const PerformanceOptions& given, std::size_t count)
      : options(given),
        periods(given.periods_per_year),
        root(std::sqrt(periods)),
        rate(std::expm1(std::log1p(given.risk_free_rate) / periods)),
        ranks(tail_ranks(count, 1.0 - given.confidence)) {
    if (!given.benchmark) return;
    market = centre_of(given.benchmark);
    market_second = second_of(given.benchmark, market);
    captured(given.benchmark, risen, fallen);
    for (std::size_t t = 0; t < given.benchmark.size; ++t) {
      rises += given.benchmark[t] > 0.0 ? 1.0 : 0.0;
      falls += given.benchmark[t] < 0.0 ? 1.0 : 0.0;
    }
  }

  // Logarithms of the growth of x over the periods in which the benchmark rose, and fell.
  void captured(VectorView x, double& up, double& down) const {
    Growth rising, falling;
    for (std::size_t t = 0; t < x.size; ++t) {
      const double growth = 1.0 + x[t], market_return = options.benchmark[t];
      rising.times(market_return > 0.0 ? growth : 1.0);
      falling.times(market_return < 0.0 ? growth : 1.0);
    }
    up = rising.logarithm();
    down = falling.logarithm();
  }
};

// Geometric mean return of the periods over the benchmark's own.
double capture(double ours, double theirs, double count) {
  return count > 0.0 ? std::expm1(ours / count) / std::expm1(theirs / count) : kNaN;
}

struct RelativeSums {
  double cross, active_second, active_mean;
};

RelativeSums relative_sums(VectorView x, VectorView b, const Centre& own, const Centre& market) {
  LaneSum shift, cross, second;
  const double first = x[0] - b[0];
  in_lanes(x.size, [&](std::size_t t, std::size_t l) {
    shift.lane[l] += x[t] - b[t] - first;
    cross.lane[l] += own.of(x[t]) * market.of(b[t]);
  });
  const Centre active{first, shift.total() / static_cast<double>(x.size)};
  in_lanes(x.size, [&](std::size_t t, std::size_t l) {
    const double d = active.of(x[t] - b[t]);
    second.lane[l] += d * d;
  });
  return {cross.total(), second.total(), active.mean()};
}

double residual_second(VectorView x, VectorView b, const Centre& own, const Centre& market, double beta) {
  LaneSum squares;
  in_lanes(x.size, [&](std::size_t t, std::size_t l) {
    const double e = own.of(x[t]) - beta * market.of(b[t]);
    squares.lane[l] += e * e;
  });
  return squares.total();
}

void fill_relative(PerformanceResult& r, VectorView x, const Centre& own, double own_second, const Common& common) {
  const VectorView b = common.options.benchmark;
  const double periods = common.periods, rate = common.rate, count = static_cast<double>(x.size);
  const double freedom = count > 1.0 ? count - 1.0 : kNaN;
  const RelativeSums sums = relative_sums(x, b, own, common.market);
  const bool varies = common.market_second > 0.0;
  r.beta = varies ? sums.cross / common.market_second : kNaN;
  r.correlation = varies ? std::clamp(sums.cross / std::sqrt(own_second * common.market_second), -1.0, 1.0) : kNaN;
  r.alpha = periods * (own.mean() - rate - r.beta * (common.market.mean() - rate));
  r.tracking_error = std::sqrt(sums.active_second / freedom) * common.root;
  r.information_ratio = sums.active_mean * periods / r.tracking_error;
  r.treynor_ratio = periods * (own.mean() - rate) / r.beta;
  const double market_volatility = std::sqrt(common.market_second / freedom) * common.root;
  r.m_squared = r.sharpe_ratio * market_volatility + periods * rate;
  r.systematic_risk = std::fabs(r.beta) * market_volatility;
  r.specific_risk = std::sqrt(residual_second(x, b, own, common.market, r.beta) / (count - 1.0)) * common.root;
  double up, down;
  common.captured(x, up, down);
  r.up_capture = capture(up, common.risen, common.rises);
  r.down_capture = capture(down, common.fallen, common.falls);
}

void fill_path(PerformanceResult& r, const DrawdownPath& path, double risk_free_rate) {
  r.max_drawdown = path.deepest;
  r.average_drawdown = path.average;
  r.longest_drawdown = path.longest;
  r.ulcer_index = path.root_mean_square;
  r.pain_index = path.mean;
  r.calmar_ratio = r.geometric_return / std::fabs(r.max_drawdown);
  r.martin_ratio = (r.geometric_return - risk_free_rate) / r.ulcer_index;
  r.pain_ratio = (r.geometric_return - risk_free_rate) / r.pain_index;
}

// A few order statistics are selected; the sample is not sorted.
void fill_tails(PerformanceResult& r, VectorView x, const Common& common, std::vector<double>& sample) {
  const double tail = 1.0 - common.options.confidence;
  sample.assign(x.data, x.data + x.size);
  place_ranks(sample, 0, x.size, common.ranks.data(), common.ranks.data() + common.ranks.size());
  r.value_at_risk = interpolated_quantile(sample, tail);
  r.conditional_value_at_risk = lower_tail_mean(sample, tail);
  r.tail_ratio = std::fabs(interpolated_quantile(sample, 0.95)) / std::fabs(interpolated_quantile(sample, 0.05));
}

PerformanceResult measure(VectorView x, const Common& common, bool list, std::vector<double>& sample) {
  const double periods = common.periods, count = static_cast<double>(x.size);
  const Centre own = centre_of(x);
  const Powers powers = powers_of(x, own);
  const Sides sides = sides_of(x, common.rate);
  PerformanceResult r{};
  const DrawdownPath path = drawdown_path(x, list ? &r.drawdowns : nullptr);
  const double excess = periods * (own.mean() - common.rate);
  r.observations = x.size;
  r.total_return = path.value - 1.0;
  r.annualized_return = own.mean() * periods;
  r.geometric_return = std::pow(path.value, periods / count) - 1.0;
  r.volatility = std::sqrt(count > 1.0 ? powers.second / (count - 1.0) : kNaN) * common.root;
  r.downside_deviation = std::sqrt(sides.squared_losses / count) * common.root;
  r.mean_absolute_deviation = powers.absolute / count;
  r.sharpe_ratio = excess / r.volatility;
  r.sortino_ratio = excess / r.downside_deviation;
  r.omega_ratio = sides.excess_gains / sides.excess_losses;
  r.gain_loss_ratio = sides.gains / sides.losses;
  r.best = sides.best;
  r.worst = sides.worst;
  r.positive_share = sides.positives / count;
  r.skewness = skewness(powers, count);
  r.kurtosis = kurtosis(powers, count);
  fill_tails(r, x, common, sample);
  fill_path(r, path, common.options.risk_free_rate);
  r.alpha = r.beta = r.correlation = r.tracking_error = r.information_ratio = r.treynor_ratio = r.m_squared = kNaN;
  r.systematic_risk = r.specific_risk = r.up_capture = r.down_capture = kNaN;
  if (common.options.benchmark) fill_relative(r, x, own, powers.second, common);
  return r;
}

}  // namespace

PerformanceResult CpuBackend::performance(VectorView returns, const PerformanceOptions& options) const {
  std::vector<double> sample;
  return measure(returns, Common(options, returns.size), true, sample);
}

std::vector<PerformanceResult> CpuBackend::performance_batch(MatrixView returns,
                                                             const PerformanceOptions& options) const {
  const Common common(options, returns.rows);
  const std::size_t days = returns.rows, portfolios = returns.cols;
  std::vector<PerformanceResult> out(portfolios);
  parallel_for(block_count(portfolios, kStrip), [&](std::size_t block) {
    const std::size_t first = block * kStrip, width = std::min(kStrip, portfolios - first);
    std::vector<double> columns(width * days), sample;
    for (std::size_t t = 0; t < days; ++t) {
      for (std::size_t k = 0; k < width; ++k) columns[k * days + t] = returns(t, first + k);
    }
    for (std::size_t k = 0; k < width; ++k) {
      out[first + k] = measure({&columns[k * days], days}, common, false, sample);
    }
  });
  return out;
}

}  // namespace portfolio
