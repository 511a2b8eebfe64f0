// Order statistics, quantiles and tail mean of a sample.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace portfolio {

// Puts the order statistics of the ascending ranks `first` .. `last` in their places, smaller values before and larger
// ones after each. `from` and `to` bound where they can be.
inline void place_ranks(std::vector<double>& sample, std::size_t from, std::size_t to, const std::size_t* first,
                        const std::size_t* last) {
  if (first == last || to - from < 2) return;
  const std::size_t* middle = first + (last - first) / 2;
  const auto at = [&](std::size_t k) { return sample.begin() + static_cast<std::ptrdiff_t>(k); };
  std::nth_element(at(from), at(*middle), at(to));
  place_ranks(sample, from, *middle, first, middle);
  place_ranks(sample, *middle + 1, to, middle + 1, last);
}

// Hyndman and Fan 1996, definition 7: linear between order statistics, as numpy.quantile. The sample is sorted, or has
// its order statistics below and above the quantile in their places.
inline double interpolated_quantile(const std::vector<double>& sorted, double probability) {
  const double place = probability * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  if (below + 1 >= sorted.size()) return sorted.back();
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[below + 1] - sorted[below]);
}

// Mean of the worst `probability` of the sample, the observation at its edge counted in part (Acerbi and Tasche 2002,
// definition 2.6); of the worst observation when that is less than one. The sample is sorted, or has its order
// statistic at the edge (rank `tail_edge`) in its place.
inline double lower_tail_mean(const std::vector<double>& sorted, double probability) {
  const double mass = std::fmax(probability * static_cast<double>(sorted.size()), 1.0);
  double sum = 0.0;
  std::size_t k = 0;
  for (; k < sorted.size() && static_cast<double>(k + 1) <= mass; ++k) sum += sorted[k];
  if (k < sorted.size()) sum += (mass - static_cast<double>(k)) * sorted[k];
  return sum / mass;
}

inline std::size_t tail_edge(std::size_t count, double probability) {
  const double mass = std::fmax(probability * static_cast<double>(count), 1.0);
  return std::min(static_cast<std::size_t>(mass), count - 1);
}

}  // namespace portfolio
