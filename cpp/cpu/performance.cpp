#include "portfolio/performance.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cpu_backend.hpp"
#include "drawdowns.hpp"
#include "parallel.hpp"
#include "quantile.hpp"
#include "series_sums.hpp"

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

// The logarithm of a product of growth factors, with few logarithms.
class Growth {
 public:
  // `product` is that of `count` factors 1 + earned(k), which are taken one by one where it is out of range.
  template <class Earned>
  void times(double product, std::size_t count, const Earned& earned) {
    if (product < kLarge && product > 1.0 / kLarge) {
      product_ *= product;
    } else {
      for (std::size_t k = 0; k < count; ++k) logarithm_ += std::log1p(earned(k));
    }
    if (product_ < kLarge && product_ > 1.0 / kLarge) return;
    logarithm_ += std::log(product_);
    product_ = 1.0;
  }
  double logarithm() const { return logarithm_ + std::log(product_); }

 private:
  static constexpr double kLarge = 1e100;
  double product_ = 1.0, logarithm_ = 0.0;
};

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
    market = centre_of(given.benchmark.data, count);
    market_second = series().powers(given.benchmark.data, count, market).second;
    captured(given.benchmark, risen, fallen);
    std::size_t up = 0, down = 0;
    for (std::size_t t = 0; t < count; ++t) {
      up += given.benchmark[t] > 0.0 ? 1 : 0;
      down += given.benchmark[t] < 0.0 ? 1 : 0;
    }
    rises = static_cast<double>(up);
    falls = static_cast<double>(down);
  }

  // Logarithms of the growth of x over the periods in which the benchmark rose, and fell.
  void captured(VectorView x, double& up, double& down) const {
    const double* b = options.benchmark.data;
    Growth rising, falling;
    for (std::size_t t = 0; t < x.size; t += kGrowth) {
      const std::size_t some = std::min(kGrowth, x.size - t);
      double rise, fall;
      series().growth(x.data + t, b + t, some, &rise, &fall);
      rising.times(rise, some, [&](std::size_t k) { return b[t + k] > 0.0 ? x[t + k] : 0.0; });
      falling.times(fall, some, [&](std::size_t k) { return b[t + k] < 0.0 ? x[t + k] : 0.0; });
    }
    up = rising.logarithm();
    down = falling.logarithm();
  }
};

// Geometric mean return of the periods over the benchmark's own.
double capture(double ours, double theirs, double count) {
  return count > 0.0 ? std::expm1(ours / count) / std::expm1(theirs / count) : kNaN;
}

void fill_relative(PerformanceResult& r, VectorView x, const Centre& own, double own_second, const Common& common) {
  const double* b = common.options.benchmark.data;
  const double periods = common.periods, rate = common.rate, count = static_cast<double>(x.size);
  const double freedom = count > 1.0 ? count - 1.0 : kNaN;
  const Together sums = series().together(x.data, b, x.size, own, common.market);
  const Centre difference{x[0] - b[0], sums.difference / count};
  const bool varies = common.market_second > 0.0;
  r.beta = varies ? sums.product / common.market_second : kNaN;
  r.correlation = varies ? std::clamp(sums.product / std::sqrt(own_second * common.market_second), -1.0, 1.0) : kNaN;
  r.alpha = periods * (own.mean() - rate - r.beta * (common.market.mean() - rate));
  r.tracking_error = std::sqrt(series().active(x.data, b, x.size, difference) / freedom) * common.root;
  r.information_ratio = difference.mean() * periods / r.tracking_error;
  r.treynor_ratio = periods * (own.mean() - rate) / r.beta;
  const double market_volatility = std::sqrt(common.market_second / freedom) * common.root;
  r.m_squared = r.sharpe_ratio * market_volatility + periods * rate;
  r.systematic_risk = std::fabs(r.beta) * market_volatility;
  const double residual = series().residual(x.data, b, x.size, own, common.market, r.beta);
  r.specific_risk = std::sqrt(residual / (count - 1.0)) * common.root;
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

// A few order statistics are placed; the sample is not sorted.
void fill_tails(PerformanceResult& r, VectorView x, const Common& common, std::vector<double>& sample) {
  const double tail = 1.0 - common.options.confidence;
  place_outer(x, common.ranks, tail_edge(x.size, tail), sample);
  r.value_at_risk = interpolated_quantile(sample, tail);
  r.conditional_value_at_risk = lower_tail_mean(sample, tail);
  r.tail_ratio = std::fabs(interpolated_quantile(sample, 0.95)) / std::fabs(interpolated_quantile(sample, 0.05));
}

PerformanceResult measure(VectorView x, const Common& common, bool list, std::vector<double>& sample) {
  const double periods = common.periods, count = static_cast<double>(x.size);
  const Centre own = centre_of(x.data, x.size);
  const Powers powers = series().powers(x.data, x.size, own);
  const Sides sides = series().sides(x.data, x.size, common.rate);
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
