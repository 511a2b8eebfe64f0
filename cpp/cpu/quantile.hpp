// Quantile and tail mean of a sorted sample.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

namespace portfolio {

// Hyndman and Fan 1996, definition 7: linear between order statistics, as numpy.quantile.
inline double interpolated_quantile(const std::vector<double>& sorted, double probability) {
  const double place = probability * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  if (below + 1 >= sorted.size()) return sorted.back();
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[below + 1] - sorted[below]);
}

// Mean of the worst `probability` of the sample, the observation at its edge counted in part (Acerbi and Tasche 2002,
// definition 2.6); of the worst observation when that is less than one.
inline double lower_tail_mean(const std::vector<double>& sorted, double probability) {
  const double mass = std::fmax(probability * static_cast<double>(sorted.size()), 1.0);
  double sum = 0.0;
  std::size_t k = 0;
  for (; k < sorted.size() && static_cast<double>(k + 1) <= mass; ++k) sum += sorted[k];
  if (k < sorted.size()) sum += (mass - static_cast<double>(k)) * sorted[k];
  return sum / mass;
}

}  // namespace portfolio
