// From an interior answer to the exact one: guess the active set, solve its equality-constrained problem, correct the
// guess by the signs found. Zeros and bounds of the answer are exact because they come from the active set.
#pragma once

#include <optional>

#include "qp_interior.hpp"

namespace portfolio::qp {

// Better than `interior` on the scaled problem in every residual that is not rounding already, or nothing; what was
// found so far when the caller interrupts.
std::optional<Solution> polish(const Problem& scaled, const InteriorPoint& interior, const Interrupt& interrupt);

}  // namespace portfolio::qp
