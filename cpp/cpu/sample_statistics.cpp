#include "sample_statistics.hpp"

#include <algorithm>
#include <cmath>

namespace portfolio {

StatisticsPlan::StatisticsPlan(const SimulateOptions& options)
    : levels_(options.quantile_levels),
      count_(static_cast<double>(options.scenarios)),
      start_(options.initial_value),
      share_(1.0 - options.confidence),
      tail_mass_(std::max(share_ * count_, 1.0)),
      last_(options.scenarios - 1),
      tail_rank_(std::min(static_cast<std::size_t>(tail_mass_), last_)) {
  levels_.push_back(share_);
  for (const double level : levels_) {
    const Place place = place_of(level);
    const auto below = static_cast<std::size_t>(place.rank);
    for (const std::size_t rank : {below, std::min(below + 1, last_), place.below, place.above}) ranks_.push_back(rank);
  }
  ranks_.push_back(tail_rank_);
  std::sort(ranks_.begin(), ranks_.end());
  ranks_.erase(std::unique(ranks_.begin(), ranks_.end()), ranks_.end());
}

StatisticsPlan::Place StatisticsPlan::place_of(double level) const {
  const double last = static_cast<double>(last_);
  const double deviation = std::sqrt(count_ * level * (1.0 - level));
  const double rank = level * last;
  const auto inside = [&](double r) { return static_cast<std::size_t>(std::clamp(r, 0.0, last)); };
  return {rank, inside(std::floor(rank - 2.0 * deviation)), inside(std::ceil(rank + 2.0 * deviation)), deviation};
}

double StatisticsPlan::at(const std::vector<double>& order, std::size_t rank) const {
  return order[static_cast<std::size_t>(std::lower_bound(ranks_.begin(), ranks_.end(), rank) - ranks_.begin())];
}

double StatisticsPlan::quantile(const std::vector<double>& order, double level) const {
  const double rank = place_of(level).rank;
  const auto below = static_cast<std::size_t>(rank);
  const double value = at(order, below);
  if (below >= last_) return value;
  return value + (rank - static_cast<double>(below)) * (at(order, below + 1) - value);
}

// sqrt(p (1 - p) / N) / density, the density being the slope of the order statistics around the quantile.
double StatisticsPlan::standard_error(const std::vector<double>& order, double level) const {
  const Place place = place_of(level);
  const double slope =
      (at(order, place.above) - at(order, place.below)) / static_cast<double>(place.above - place.below);
  return slope * place.deviation;
}

// Mean of the worst share of the sample, the value at its edge counted in part, and its standard error: Manistre and
// Hancock 2005, "Variance of the CTE estimator".
void StatisticsPlan::finish_tail(double edge, const ShiftedSums& tail, SimulateResult& result) const {
  const double part = std::min(tail_mass_ - static_cast<double>(tail_rank_), 1.0), away = edge - tail.shift;
  const double mean = (tail.sum + part * away) / tail_mass_;
  const double variance = std::max((tail.squares + part * away * away) / tail_mass_ - mean * mean, 0.0);
  result.cvar = mean + (tail.shift - start_);
  const double gap = result.var - result.cvar;
  result.cvar_se = std::sqrt((variance + (1.0 - share_) * gap * gap) / tail_mass_);
}

void StatisticsPlan::finish(const std::vector<double>& order, const ShiftedSums& all, const ShiftedSums& tail,
                            SimulateResult& result) const {
  result.mean = all.sum / count_ + (all.shift - start_);
  result.volatility = std::sqrt(std::max(all.squares - all.sum * (all.sum / count_), 0.0) / (count_ - 1.0));
  result.mean_se = result.volatility / std::sqrt(count_);
  for (std::size_t k = 0; k + 1 < levels_.size(); ++k) {
    result.quantiles.push_back(quantile(order, levels_[k]));
    result.quantiles_se.push_back(standard_error(order, levels_[k]));
  }
  result.var = quantile(order, share_) - start_;
  result.var_se = standard_error(order, share_);
  finish_tail(at(order, tail_rank_), tail, result);
}

}  // namespace portfolio
