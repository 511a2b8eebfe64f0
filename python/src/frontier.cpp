#include "portfolio/frontier.hpp"

#include "arrays.hpp"
#include "interrupt.hpp"

namespace {

py::dict efficient_frontier(const Doubles& mu, const Doubles& Sigma, const MaybeDoubles& G, const MaybeDoubles& h,
                            const MaybeDoubles& A, const MaybeDoubles& b, const MaybeDoubles& lb,
                            const MaybeDoubles& ub, std::size_t points, double tolerance, const std::string& device,
                            std::optional<double> time_limit, const portfolio::CancelToken* cancel, bool check_matrix) {
  constexpr const char* name = "efficient_frontier";
  portfolio::FrontierProblem problem{vector_view<double>(mu, name, "mu"),
                                     matrix_view<double>(Sigma, name, "Sigma"),
                                     matrix_view(G, name, "G"),
                                     vector_view(h, name, "h"),
                                     matrix_view(A, name, "A"),
                                     vector_view(b, name, "b"),
                                     vector_view(lb, name, "lb"),
                                     vector_view(ub, name, "ub"),
                                     points,
                                     {}};
  problem.qp.tolerance = tolerance;
  problem.qp.check_matrix = check_matrix;
  problem.qp.interrupt = interrupt_of(time_limit, cancel);
  problem.qp.device = portfolio::parse_device(device, name);
  portfolio::FrontierResult result;
  {
    const py::gil_scoped_release release;
    result = portfolio::efficient_frontier(problem);
  }
  py::dict out;
  out["weights"] = to_numpy(std::move(result.weights));
  out["expected_return"] = to_numpy(std::move(result.expected_return));
  out["expected_risk"] = to_numpy(std::move(result.expected_risk));
  out["corner_weights"] = to_numpy(std::move(result.corner_weights));
  out["corner_risk_tolerance"] = to_numpy(std::move(result.corner_risk_tolerance));
  out["corner_return"] = to_numpy(std::move(result.corner_return));
  out["corner_variance"] = to_numpy(std::move(result.corner_variance));
  out["status"] = portfolio::to_string(result.status);
  out["max_residual"] = result.max_residual;
  add_device(out, result.device);
  return out;
}

}  // namespace

void init_frontier(py::module_& m) {
  m.def("efficient_frontier", &efficient_frontier, py::arg("mu"), py::arg("Sigma"), py::arg("G"), py::arg("h"),
        py::arg("A"), py::arg("b"), py::arg("lb"), py::arg("ub"), py::kw_only(), py::arg("points"),
        py::arg("tolerance"), py::arg("device"), py::arg("time_limit") = py::none(), py::arg("cancel") = py::none(),
        py::arg("check_matrix") = true);
}
