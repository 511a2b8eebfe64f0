#include "portfolio/risk_parity.hpp"

#include <utility>

#include "backend.hpp"
#include "checks.hpp"

namespace portfolio {
namespace {

void check_budgets(const char* name, VectorView budgets, std::size_t n) {
  if (!budgets) return;
  if (budgets.size != n) {
    fail(name, "budgets", "one for each of the " + std::to_string(n) + " assets", std::to_string(budgets.size));
  }
  check_finite(name, "budgets", budgets.data, 1, n);
  for (std::size_t i = 0; i < n; ++i) {
    if (!(budgets[i] > 0.0)) {
      fail(name, "budgets", "positive numbers (leave the asset out for none)",
           number(budgets[i]) + " at " + position(i, 1, n));
    }
  }
}

void check_problem(const char* name, MatrixView covariance, VectorView budgets) {
  check_symmetric(name, "covariance", covariance);
  for (std::size_t i = 0; i < covariance.rows; ++i) {
    if (!(covariance(i, i) > 0.0)) {
      fail(name, "covariance", "positive variances (an asset without risk can hold no share of it)",
           number(covariance(i, i)) + " for asset " + std::to_string(i));
    }
  }
  check_budgets(name, budgets, covariance.rows);
}

// The logarithm of a weight keeps it above zero, so an upper bound leaves room there; a lower one may be zero.
void check_bounds(const char* name, const RiskParityOptions& options, std::size_t n) {
  for (const auto& [argument, bound] : {std::pair{"lower", options.lower}, std::pair{"upper", options.upper}}) {
    if (!bound) continue;
    const bool upper = argument[0] == 'u';
    if (bound.size != n) {
      fail(name, argument, "one for each of the " + std::to_string(n) + " assets", std::to_string(bound.size));
    }
    for (std::size_t i = 0; i < n; ++i) {
      if (upper ? bound[i] > 0.0 : bound[i] >= 0.0 && std::isfinite(bound[i])) continue;
      fail(name, argument, upper ? "positive numbers (leave the asset out for none)" : "finite numbers >= 0",
           number(bound[i]) + " at " + position(i, 1, n));
    }
  }
}

void check_options(const char* name, const RiskParityOptions& options) {
  if (!(options.tolerance > 0.0)) fail(name, "tolerance", "a positive number", number(options.tolerance));
  if (options.max_iterations < 1) fail(name, "max_iterations", "at least 1", std::to_string(options.max_iterations));
}

}  // namespace

const char* to_string(RiskParityStatus status) {
  switch (status) {
    case RiskParityStatus::optimal:
      return "optimal";
    case RiskParityStatus::zero_risk:
      return "zero_risk";
    case RiskParityStatus::not_psd:
      return "not_psd";
    case RiskParityStatus::rounding_limit:
      return "rounding_limit";
    case RiskParityStatus::infeasible:
      return "infeasible";
    case RiskParityStatus::max_iterations:
      return "max_iterations";
  }
  return "max_iterations";
}

RiskParityResult risk_parity(MatrixView covariance, const RiskParityOptions& options) {
  constexpr const char* name = "risk_parity";
  check_problem(name, covariance, options.budgets);
  check_bounds(name, options, covariance.rows);
  check_options(name, options);
  const Choice choice = choose_backend(options.device, name);
  RiskParityResult result = choice.backend.risk_parity(covariance, options);
  if (result.device.reason.empty()) result.device = choice.used;
  return result;
}

std::vector<RiskParityResult> risk_parity_batch(const std::vector<RiskParityProblem>& problems,
                                                const RiskParityOptions& options) {
  constexpr const char* name = "risk_parity_batch";
  check_options(name, options);
  if (options.budgets) fail(name, "options.budgets", "nothing (each problem carries its own)", "a vector");
  if (options.lower || options.upper) fail(name, "options", "no bounds in a batch", "a vector");
  for (const RiskParityProblem& problem : problems) check_problem(name, problem.covariance, problem.budgets);
  const Choice choice = choose_backend(options.device, name);
  std::vector<RiskParityResult> results = choice.backend.risk_parity_batch(problems, options);
  for (RiskParityResult& result : results) {
    if (result.device.reason.empty()) result.device = choice.used;
  }
  return results;
}

}  // namespace portfolio
