// A vertex in the caller's units, with residuals computed anew from the caller's data.
#pragma once

#include "cvar_simplex.hpp"

namespace portfolio::cvar {

// The result of bounds that cross at one variable: the pair is its own certificate.
CvarResult crossed(const CvarProblem& problem, std::size_t variable);

// A status that the residuals, or a certificate multiplied out, do not bear out becomes numerical_error.
CvarResult report(const CvarProblem& problem, const Program& program, const Simplex& simplex, QpStatus status,
                  double tolerance);

}  // namespace portfolio::cvar
