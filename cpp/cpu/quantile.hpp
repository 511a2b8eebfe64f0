// Order statistics, quantiles and tail mean of a sample.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "portfolio/matrix.hpp"
#include "series_sums.hpp"

namespace portfolio {

// Puts the order statistics of the ascending ranks `first` .. `last` in their places, smaller values before and larger
// ones after each. `from` and `to` bound where they can be.
inline void place_ranks(std::vector<double>& sample, std::size_t from, std::size_t to, const std::size_t* first,
                        const std::size_t* last) {
  if (first == last || to - from < 2) return;
  if (to - from <= kFewValues) {
    double values[kFewValues];
    std::copy_n(sample.data() + from, to - from, values);
    series().sort(values, to - from, sample.data() + from);
    return;
  }
  const std::size_t* middle = first + (last - first) / 2;
  const auto at = [&](std::size_t k) { return sample.begin() + static_cast<std::ptrdiff_t>(k); };
  std::nth_element(at(from), at(*middle), at(to));
  place_ranks(sample, from, *middle, first, middle);
  place_ranks(sample, *middle + 1, to, middle + 1, last);
}

// The order statistics of the ascending ranks in their places, and all smaller values before that of rank `tail`, one
// of them. Made for ranks near either end: one pass without branches puts the values outside two cuts there, and only
// those are searched. The cuts come from a few values; where they turn out to leave a rank between them all are
// searched.
inline void place_outer(VectorView x, const std::vector<std::size_t>& ranks, std::size_t tail,
                        std::vector<double>& sample) {
  constexpr std::size_t kProbes = 32, kSpare = 3;
  const std::size_t count = x.size;
  const auto middle = std::upper_bound(ranks.begin(), ranks.end(), std::max(count / 2, tail));
  const std::size_t low = middle == ranks.begin() ? 0 : *(middle - 1) + 1;  // values wanted at the lower end
  const std::size_t high = middle == ranks.end() ? 0 : count - *middle;     // and at the upper one
  const std::size_t probes_low = low * kProbes / count + kSpare, probes_high = high * kProbes / count + kSpare;
  sample.assign(count, 0.0);
  std::size_t first = 0, last = count;  // what is between them is not wanted
  if (count > 4 * kProbes && probes_low + probes_high < kProbes) {
    double values[kProbes], probe[kProbes];
    for (std::size_t k = 0; k < kProbes; ++k) values[k] = x[(2 * k + 1) * count / (2 * kProbes)];
    series().sort(values, kProbes, probe);
    const double cut = probe[probes_low], other = probe[kProbes - 1 - probes_high];
    for (std::size_t t = 0; t < count; ++t) {
      const double value = x[t];
      sample[first] = value;
      sample[last - 1] = value;
      first += value <= cut ? 1 : 0;
      last -= value > cut && value >= other ? 1 : 0;
    }
  }
  if (first < low || count - last < high) {
    std::copy_n(x.data, count, sample.begin());
    first = count;
    last = low;
  }
  const std::size_t* split = ranks.data() + (middle - ranks.begin());
  place_ranks(sample, 0, first, ranks.data(), split);
  place_ranks(sample, last, count, split, ranks.data() + ranks.size());
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
