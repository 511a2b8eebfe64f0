// The frontier: its inner points are one batch of quadratic programs that share the covariance, which the GPU takes
// through solve_qp_batch; the ends are single programs and stay on the CPU. The result counts the points of each.
#include "metal_backend.hpp"

namespace portfolio::metal {

FrontierResult MetalBackend::efficient_frontier(const FrontierProblem& problem) const {
  return CpuBackend::efficient_frontier(problem);  // which calls the virtual solve_qp_batch of this device
}

}  // namespace portfolio::metal
