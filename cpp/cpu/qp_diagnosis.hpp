// When the iterates neither converge nor certify: two linear programs that always have an answer decide.
#pragma once

#include <optional>

#include "portfolio/interrupt.hpp"
#include "qp_problem.hpp"

namespace portfolio::qp {

// Multipliers (y, z) of the least worst violation; a certificate unless that violation is zero.
std::optional<Solution> least_violation(const Problem& problem, const Interrupt& interrupt);

// The steepest direction of zero curvature that leaves no limit, each component at most one.
std::optional<Solution> steepest_ray(const Problem& problem, const Interrupt& interrupt);

}  // namespace portfolio::qp
