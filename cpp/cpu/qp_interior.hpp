// Interior point method on the homogeneous embedding of a convex QP: it ends with a solution, a certificate of
// infeasibility or a ray. Goulart and Chen 2024 (Clarabel), with Mehrotra's predictor and corrector.
#pragma once

#include <functional>

#include "qp_kkt.hpp"

namespace portfolio::qp {

enum class InteriorStatus { converged, primal_candidate, dual_candidate, stalled, max_iterations };

struct InteriorResult {
  InteriorStatus status = InteriorStatus::stalled;
  Solution best;        // scaled variables; z holds the rows of G
  Vec slack;            // h - Gx of the embedding, positive
  Vec lower, upper;     // multipliers of both bounds of each variable
  Residuals residuals;  // of `best`, on the scaled problem
  int iterations = 0;
};

// `accept` is asked whenever the scaled problem looks finished; false means carry on.
struct InteriorCallbacks {
  std::function<bool(const Solution&)> solution, infeasible, ray;
};

InteriorResult interior_point(const Problem& scaled, double tolerance, int max_iterations,
                              const InteriorCallbacks& accept);

}  // namespace portfolio::qp
