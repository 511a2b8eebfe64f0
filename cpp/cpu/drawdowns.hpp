// Drawdowns of the value path 1, 1 + r_1, (1 + r_1)(1 + r_2), ...
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "portfolio/performance.hpp"

namespace portfolio {

struct DrawdownPath {
  std::vector<Drawdown> drawdowns;            // deepest first, the earlier one of equals first
  double mean = 0.0, root_mean_square = 0.0;  // of the drawdown after each period, positive
};

inline DrawdownPath drawdown_path(VectorView returns) {
  constexpr double kSame = 1e-13;  // a path that returns to its peak does so only to rounding
  DrawdownPath out;
  Drawdown open{0, 0, returns.size + 1, 0.0};
  double value = 1.0, peak = 1.0;
  for (std::size_t t = 1; t <= returns.size; ++t) {
    value *= 1.0 + returns[t - 1];
    if (value >= peak * (1.0 - kSame)) {
      if (open.depth < 0.0) {
        open.recovery = t;
        out.drawdowns.push_back(open);
      }
      peak = std::max(peak, value);
      open = {t, t, returns.size + 1, 0.0};
      continue;
    }
    const double depth = value / peak - 1.0;
    out.mean -= depth;
    out.root_mean_square += depth * depth;
    if (depth < open.depth) {
      open.depth = depth;
      open.valley = t;
    }
  }
  if (open.depth < 0.0) out.drawdowns.push_back(open);
  const auto count = static_cast<double>(returns.size);
  out.mean /= count;
  out.root_mean_square = std::sqrt(out.root_mean_square / count);
  std::stable_sort(out.drawdowns.begin(), out.drawdowns.end(),
                   [](const Drawdown& a, const Drawdown& b) { return a.depth < b.depth; });
  return out;
}

}  // namespace portfolio
