// The frontier without the critical line: the net below it.
#pragma once

#include "cpu_backend.hpp"

namespace portfolio {

// Every point by quadratic programs of its own, those between the ends in one batch on the backend's device. Knows
// points only: `corners` stays empty.
FrontierResult frontier_by_programs(const FrontierProblem& problem, const CpuBackend& backend);

}  // namespace portfolio
