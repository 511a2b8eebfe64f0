// What counts as no limit.
#pragma once

#include <limits>

namespace portfolio::qp {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// A bound of this size is no bound, as in most solvers.
constexpr double kHuge = 1e19;

}  // namespace portfolio::qp
