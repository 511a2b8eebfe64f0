// The frontier: the critical line takes one step after another in float64, which is the CPU's work.
#include "attempt.hpp"
#include "metal_backend.hpp"

namespace portfolio::metal {

FrontierResult MetalBackend::efficient_frontier(const FrontierProblem& problem) const {
  return on_cpu("the critical line is followed on the CPU", [&] { return CpuBackend::efficient_frontier(problem); });
}

}  // namespace portfolio::metal
