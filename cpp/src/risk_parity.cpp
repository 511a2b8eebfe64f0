#include "portfolio/risk_parity.hpp"

#include "backend.hpp"
#include "checks.hpp"

namespace portfolio {
namespace {

constexpr const char* kName = "risk_parity";

void check_budgets(VectorView budgets, std::size_t n) {
  if (!budgets) return;
  if (budgets.size != n) {
    fail(kName, "budgets", "one for each of the " + std::to_string(n) + " assets", std::to_string(budgets.size));
  }
  check_finite(kName, "budgets", budgets.data, 1, n);
  for (std::size_t i = 0; i < n; ++i) {
    if (!(budgets[i] > 0.0)) {
      fail(kName, "budgets", "positive numbers (leave the asset out for none)",
           number(budgets[i]) + " at " + position(i, 1, n));
    }
  }
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
    case RiskParityStatus::max_iterations:
      return "max_iterations";
  }
  return "max_iterations";
}

RiskParityResult risk_parity(MatrixView covariance, const RiskParityOptions& options) {
  check_symmetric(kName, "covariance", covariance);
  for (std::size_t i = 0; i < covariance.rows; ++i) {
    if (!(covariance(i, i) > 0.0)) {
      fail(kName, "covariance", "positive variances (an asset without risk can hold no share of it)",
           number(covariance(i, i)) + " for asset " + std::to_string(i));
    }
  }
  check_budgets(options.budgets, covariance.rows);
  if (!(options.tolerance > 0.0)) fail(kName, "tolerance", "a positive number", number(options.tolerance));
  if (options.max_iterations < 1) {
    fail(kName, "max_iterations", "at least 1", std::to_string(options.max_iterations));
  }
  const Choice choice = choose_backend(options.device, kName);
  RiskParityResult result = choice.backend.risk_parity(covariance, options);
  if (result.device.reason.empty()) result.device = choice.used;
  return result;
}

}  // namespace portfolio
