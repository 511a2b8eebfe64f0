#include "portfolio/risk_parity.hpp"

#include "cpu_backend.hpp"
#include "parallel.hpp"
#include "risk_parity_solver.hpp"

namespace portfolio {

RiskParityResult CpuBackend::risk_parity(MatrixView covariance, const RiskParityOptions& options) const {
  return parity::Solver(covariance, options.budgets).solve(options.tolerance, options.max_iterations);
}

std::vector<RiskParityResult> CpuBackend::risk_parity_batch(const std::vector<RiskParityProblem>& problems,
                                                            const RiskParityOptions& options) const {
  std::vector<RiskParityResult> out(problems.size());
  parallel_for(problems.size(), [&](std::size_t k) {
    out[k] =
        parity::Solver(problems[k].covariance, problems[k].budgets).solve(options.tolerance, options.max_iterations);
  });
  return out;
}

}  // namespace portfolio
