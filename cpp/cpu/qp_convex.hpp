// Whether the second derivatives are those of a convex problem.
#pragma once

#include "portfolio/qp.hpp"

namespace portfolio::qp {

// std::invalid_argument naming `function` unless P is finite, symmetric and (or F of the factors is) positive
// semidefinite to rounding. Says what `symmetric` says of P.
bool require_convex(const QpProblem& problem, const char* function);

// Whether rows of P can stand for its columns: equal to rounding of the largest entry.
bool symmetric(MatrixView P);

}  // namespace portfolio::qp
