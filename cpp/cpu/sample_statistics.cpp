#include "sample_statistics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace portfolio {
namespace {

using Iterator = std::vector<double>::iterator;

// Puts the order statistics `first` .. `last` (ascending ranks) of the sample in their places.
void select(Iterator begin, Iterator from, Iterator to, const std::size_t* first, const std::size_t* last) {
  if (first == last || to - from < 2) return;
  const std::size_t* middle = first + (last - first) / 2;
  const Iterator place = begin + static_cast<std::ptrdiff_t>(*middle);
  std::nth_element(from, place, to);
  select(begin, from, place, first, middle);
  select(begin, place + 1, to, middle + 1, last);
}

// A quantile (Hyndman and Fan 1996, definition 7) and the two order statistics around it that give its standard error.
struct Place {
  double rank;               // of the quantile, 0 based
  std::size_t below, above;  // ranks two standard deviations of the binomial away
  double deviation;          // one standard deviation, in ranks
};

Place place_of(double level, std::size_t count) {
  const double last = static_cast<double>(count - 1), n = static_cast<double>(count);
  const double deviation = std::sqrt(n * level * (1.0 - level));
  const double rank = level * last;
  const auto inside = [&](double r) { return static_cast<std::size_t>(std::clamp(r, 0.0, last)); };
  return {rank, inside(std::floor(rank - 2.0 * deviation)), inside(std::ceil(rank + 2.0 * deviation)), deviation};
}

double quantile(const std::vector<double>& values, const Place& place) {
  const auto below = static_cast<std::size_t>(place.rank);
  if (below + 1 >= values.size()) return values[below];
  return values[below] + (place.rank - static_cast<double>(below)) * (values[below + 1] - values[below]);
}

// sqrt(p (1 - p) / N) / density, the density being the slope of the order statistics around the quantile.
double standard_error(const std::vector<double>& values, const Place& place) {
  const double slope = (values[place.above] - values[place.below]) / static_cast<double>(place.above - place.below);
  return slope * place.deviation;
}

// Mean of the worst share of the sample, the value at its edge counted in part, and its standard error: Manistre and
// Hancock 2005, "Variance of the CTE estimator". The order statistics up to the edge must be in their place.
void tail(std::vector<double>& values, double share, double start, SimulateResult& result) {
  const double mass = std::max(share * static_cast<double>(values.size()), 1.0);
  const auto whole = static_cast<std::size_t>(mass);
  const auto edge = values.begin() + static_cast<std::ptrdiff_t>(std::min(whole, values.size() - 1));
  std::sort(values.begin(), edge);  // so that the sum does not depend on how the selection left it
  double sum = 0.0, squares = 0.0;
  for (std::size_t k = 0; k <= whole && k < values.size(); ++k) {
    const double part = k < whole ? 1.0 : mass - static_cast<double>(whole);
    sum += part * (values[k] - start);
    squares += part * (values[k] - start) * (values[k] - start);
  }
  result.cvar = sum / mass;
  const double variance = std::max(squares / mass - result.cvar * result.cvar, 0.0);
  const double gap = result.var - result.cvar;
  result.cvar_se = std::sqrt((variance + (1.0 - share) * gap * gap) / mass);
}

}  // namespace

void summarise(std::vector<double>& values, const SimulateOptions& options, SimulateResult& result) {
  const std::size_t count = values.size();
  const double n = static_cast<double>(count), start = options.initial_value, share = 1.0 - options.confidence;
  double sum = 0.0, squares = 0.0;
  for (const double v : values) sum += v - start;
  result.mean = sum / n;
  for (const double v : values) squares += (v - start - result.mean) * (v - start - result.mean);
  result.volatility = std::sqrt(squares / (n - 1.0));
  result.mean_se = result.volatility / std::sqrt(n);

  std::vector<double> levels = options.quantile_levels;
  levels.push_back(share);
  std::vector<std::size_t> ranks;
  for (const double level : levels) {
    const Place place = place_of(level, count);
    const auto below = static_cast<std::size_t>(place.rank);
    for (const std::size_t rank : {below, std::min(below + 1, count - 1), place.below, place.above}) {
      ranks.push_back(rank);
    }
  }
  ranks.push_back(std::min(static_cast<std::size_t>(std::max(share * n, 1.0)), count - 1));
  std::sort(ranks.begin(), ranks.end());
  ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
  select(values.begin(), values.begin(), values.end(), ranks.data(), ranks.data() + ranks.size());

  for (const double level : levels) {
    const Place place = place_of(level, count);
    result.quantiles.push_back(quantile(values, place));
    result.quantiles_se.push_back(standard_error(values, place));
  }
  result.var = result.quantiles.back() - start;
  result.var_se = result.quantiles_se.back();
  result.quantiles.pop_back();
  result.quantiles_se.pop_back();
  tail(values, share, start, result);
}

}  // namespace portfolio
