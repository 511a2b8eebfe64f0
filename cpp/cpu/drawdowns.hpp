// Drawdowns of the value path 1, 1 + r_1, (1 + r_1)(1 + r_2), ...
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "portfolio/performance.hpp"

namespace portfolio {

constexpr double kSamePeak = 1e-13;  // a path that returns to its peak does so only to rounding

struct DrawdownPath {
  double value = 1.0;                         // at the end
  double mean = 0.0, root_mean_square = 0.0;  // of the drawdown after each period, positive
  double deepest = 0.0, average = 0.0;        // over the drawdowns, negative
  std::size_t longest = 0;                    // periods from a peak to its recovery, or to the end
};

// Drawdowns are appended to `list` when there is one: deepest first, the earlier one of equals first.
inline DrawdownPath drawdown_path(VectorView returns, std::vector<Drawdown>* list) {
  DrawdownPath out;
  const std::size_t end = returns.size;
  Drawdown open{0, 0, end + 1, 0.0};
  double peak = 1.0, share = 1.0, level = 1.0 - kSamePeak;  // 1 / peak, and from where on the peak is regained
  double sum = 0.0, squares = 0.0, depths = 0.0, count = 0.0;
  const auto close = [&](std::size_t recovery) {
    open.recovery = recovery;
    out.deepest = std::min(out.deepest, open.depth);
    out.longest = std::max(out.longest, std::min(recovery, end) - open.peak);
    depths += open.depth;
    count += 1.0;
    if (list != nullptr) list->push_back(open);
  };
  for (std::size_t t = 1; t <= end; ++t) {
    out.value *= 1.0 + returns[t - 1];
    if (out.value >= level) {
      if (open.depth < 0.0) close(t);
      peak = std::max(peak, out.value);
      share = 1.0 / peak;
      level = peak * (1.0 - kSamePeak);
      open = {t, t, end + 1, 0.0};
      continue;
    }
    const double depth = out.value * share - 1.0;
    sum -= depth;
    squares += depth * depth;
    if (depth < open.depth) {
      open.depth = depth;
      open.valley = t;
    }
  }
  if (open.depth < 0.0) close(end + 1);
  out.mean = sum / static_cast<double>(end);
  out.root_mean_square = std::sqrt(squares / static_cast<double>(end));
  out.average = count > 0.0 ? depths / count : 0.0;
  if (list != nullptr) {
    std::stable_sort(list->begin(), list->end(),
                     [](const Drawdown& a, const Drawdown& b) { return a.depth < b.depth; });
  }
  return out;
}

}  // namespace portfolio
