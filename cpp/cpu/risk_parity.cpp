#include "portfolio/risk_parity.hpp"

#include <algorithm>

#include "cpu_backend.hpp"
#include "parallel.hpp"
#include "risk_parity_bounded.hpp"
#include "risk_parity_solver.hpp"

namespace portfolio {
namespace {

double lower_of(const RiskParityOptions& options, std::size_t i) { return options.lower ? options.lower[i] : 0.0; }

// Whether some weights within the bounds sum to one.
bool room(const RiskParityOptions& options, std::size_t n) {
  constexpr double kRounding = 1e-12;
  double least = 0.0, most = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    if (options.upper && lower_of(options, i) > options.upper[i]) return false;
    least += lower_of(options, i);
    if (options.upper) most += options.upper[i];
  }
  return least <= 1.0 + kRounding && (!options.upper || most >= 1.0 - kRounding);
}

bool within(const std::vector<double>& weights, const RiskParityOptions& options) {
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] < lower_of(options, i) || (options.upper && weights[i] > options.upper[i])) return false;
  }
  return true;
}

}  // namespace

RiskParityResult CpuBackend::risk_parity(MatrixView covariance, const RiskParityOptions& options) const {
  RiskParityResult free =
      parity::Solver(covariance, options.budgets).solve(options.tolerance, options.max_iterations, options.interrupt);
  if (!options.lower && !options.upper) return free;
  if (!room(options, free.weights.size())) {
    free.status = RiskParityStatus::infeasible;
    return free;
  }
  if (free.status == RiskParityStatus::optimal && within(free.weights, options)) return free;
  RiskParityResult bounded = parity::Bounded(covariance, options).solve(free.weights);
  bounded.iterations += free.iterations;
  return bounded;
}

std::vector<RiskParityResult> CpuBackend::risk_parity_batch(const std::vector<RiskParityProblem>& problems,
                                                            const RiskParityOptions& options) const {
  std::vector<RiskParityResult> out(problems.size());
  parallel_for(problems.size(), [&](std::size_t k) {
    out[k] = parity::Solver(problems[k].covariance, problems[k].budgets)
                 .solve(options.tolerance, options.max_iterations, options.interrupt);
  });
  return out;
}

}  // namespace portfolio
