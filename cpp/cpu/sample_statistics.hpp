// Moments, quantiles and tail of simulated values, each with its standard error.
#pragma once

#include <vector>

#include "portfolio/monte_carlo.hpp"

namespace portfolio {

// Fills every statistic of `result` from the terminal values. `values` is reordered.
void summarise(std::vector<double>& values, const SimulateOptions& options, SimulateResult& result);

}  // namespace portfolio
