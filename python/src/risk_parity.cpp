#include "portfolio/risk_parity.hpp"

#include "arrays.hpp"
#include "interrupt.hpp"

namespace {

py::dict to_dict(portfolio::RiskParityResult&& result) {
  py::dict out;
  out["weights"] = to_numpy(std::move(result.weights));
  out["risk_contributions"] = to_numpy(std::move(result.risk_contributions));
  out["bound_duals"] = to_numpy(std::move(result.bound_duals));
  out["budget_scale"] = result.budget_scale;
  out["volatility"] = result.volatility;
  out["max_error"] = result.max_error;
  out["iterations"] = result.iterations;
  out["status"] = portfolio::to_string(result.status);
  add_device(out, result.device);
  return out;
}

py::dict risk_parity(const Doubles& covariance, const MaybeDoubles& budgets, const MaybeDoubles& lower,
                     const MaybeDoubles& upper, double tolerance, int max_iterations, const std::string& device,
                     std::optional<double> time_limit, const portfolio::CancelToken* cancel) {
  portfolio::RiskParityOptions options;
  options.budgets = vector_view(budgets, "risk_parity", "budgets");
  options.lower = vector_view(lower, "risk_parity", "lower");
  options.upper = vector_view(upper, "risk_parity", "upper");
  options.tolerance = tolerance;
  options.max_iterations = max_iterations;
  options.interrupt = interrupt_of(time_limit, cancel);
  options.device = portfolio::parse_device(device, "risk_parity");
  const auto view = matrix_view<double>(covariance, "risk_parity", "covariance");
  portfolio::RiskParityResult result;
  {
    const py::gil_scoped_release release;
    result = portfolio::risk_parity(view, options);
  }
  return to_dict(std::move(result));
}

// Members may differ in size; arrays that are the same object are shared, not copied.
py::list risk_parity_batch(const std::vector<Doubles>& covariances, const std::vector<MaybeDoubles>& budgets,
                           double tolerance, int max_iterations, const std::string& device,
                           std::optional<double> time_limit, const portfolio::CancelToken* cancel) {
  constexpr const char* name = "risk_parity_batch";
  if (budgets.size() != covariances.size()) {
    throw std::invalid_argument(std::string("[") + name + "] budgets: expected one entry for each of the " +
                                std::to_string(covariances.size()) + " covariances, got " +
                                std::to_string(budgets.size()));
  }
  portfolio::RiskParityOptions options;
  options.tolerance = tolerance;
  options.max_iterations = max_iterations;
  options.interrupt = interrupt_of(time_limit, cancel);
  options.device = portfolio::parse_device(device, name);
  std::vector<portfolio::RiskParityProblem> problems;
  for (std::size_t k = 0; k < covariances.size(); ++k) {
    problems.push_back(
        {matrix_view<double>(covariances[k], name, "covariances"), vector_view(budgets[k], name, "budgets")});
  }
  std::vector<portfolio::RiskParityResult> results;
  {
    const py::gil_scoped_release release;
    results = portfolio::risk_parity_batch(problems, options);
  }
  py::list out;
  for (auto& result : results) out.append(to_dict(std::move(result)));
  return out;
}

}  // namespace

void init_risk_parity(py::module_& m) {
  m.def("risk_parity", &risk_parity, py::arg("covariance"), py::arg("budgets"), py::kw_only(),
        py::arg("lower").none(true), py::arg("upper").none(true), py::arg("tolerance"), py::arg("max_iterations"),
        py::arg("device"), py::arg("time_limit") = py::none(), py::arg("cancel") = py::none());
  m.def("risk_parity_batch", &risk_parity_batch, py::arg("covariances"), py::arg("budgets"), py::kw_only(),
        py::arg("tolerance"), py::arg("max_iterations"), py::arg("device"), py::arg("time_limit") = py::none(),
        py::arg("cancel") = py::none());
}
