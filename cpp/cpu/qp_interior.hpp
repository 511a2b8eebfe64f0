// Interior point method on the homogeneous embedding of a convex QP: it ends with a solution, a certificate of
// infeasibility or a ray. Goulart and Chen 2024 (Clarabel), with Mehrotra's predictor and corrector.
#pragma once

#include <functional>

#include "portfolio/interrupt.hpp"
#include "qp_kkt.hpp"

namespace portfolio::qp {

enum class InteriorStatus { finished, stalled, max_iterations, interrupted };

// An iterate on the scaled problem; slack is that of the rows of G, lower and upper the multipliers of both bounds.
struct InteriorPoint {
  Solution at;
  Vec slack, lower, upper;
  Residuals residuals;
};

struct InteriorResult {
  InteriorStatus status = InteriorStatus::stalled;
  InteriorPoint best;
  int iterations = 0;
};

// Asked when the iterates look like an answer of that kind; true ends the method. `solution` is asked at every iterate
// whose residuals are at most `ask`.
struct InteriorCallbacks {
  std::function<bool(const InteriorPoint&)> solution;
  std::function<bool(const Solution&)> infeasible, ray;
};

// Stalls when the residuals stop falling: soon once they are at most `goal`, after many iterations above it.
InteriorResult interior_point(const Problem& scaled, double ask, double goal, int max_iterations,
                              const InteriorCallbacks& accept, const Interrupt& interrupt);

}  // namespace portfolio::qp
