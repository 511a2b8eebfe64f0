#include "portfolio/risk_parity.hpp"

#include "arrays.hpp"

namespace {

py::dict risk_parity(const Doubles& covariance, const MaybeDoubles& budgets, double tolerance, int max_iterations,
                     const std::string& device) {
  portfolio::RiskParityOptions options;
  options.budgets = vector_view(budgets, "risk_parity", "budgets");
  options.tolerance = tolerance;
  options.max_iterations = max_iterations;
  options.device = portfolio::parse_device(device, "risk_parity");
  const auto view = matrix_view<double>(covariance, "risk_parity", "covariance");
  portfolio::RiskParityResult result;
  {
    const py::gil_scoped_release release;
    result = portfolio::risk_parity(view, options);
  }
  py::dict out;
  out["weights"] = to_numpy(std::move(result.weights));
  out["risk_contributions"] = to_numpy(std::move(result.risk_contributions));
  out["volatility"] = result.volatility;
  out["max_error"] = result.max_error;
  out["iterations"] = result.iterations;
  out["status"] = portfolio::to_string(result.status);
  add_device(out, result.device);
  return out;
}

}  // namespace

void init_risk_parity(py::module_& m) {
  m.def("risk_parity", &risk_parity, py::arg("covariance"), py::arg("budgets"), py::kw_only(), py::arg("tolerance"),
        py::arg("max_iterations"), py::arg("device"));
}
