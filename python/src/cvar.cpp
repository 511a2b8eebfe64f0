#include "portfolio/cvar.hpp"

#include "arrays.hpp"
#include "interrupt.hpp"

namespace {

py::dict to_dict(portfolio::CvarResult&& r) {
  py::dict out;
  out["x"] = to_numpy(std::move(r.x));
  out["y"] = to_numpy(std::move(r.y));
  out["z"] = to_numpy(std::move(r.z));
  out["z_box"] = to_numpy(std::move(r.z_box));
  out["scenarios"] = to_numpy(std::move(r.scenarios));
  out["status"] = portfolio::to_string(r.status);
  out["objective"] = r.objective;
  out["cvar"] = r.cvar;
  out["var"] = r.var;
  out["primal_residual"] = r.primal_residual;
  out["dual_residual"] = r.dual_residual;
  out["gap"] = r.gap;
  out["iterations"] = r.iterations;
  out["seconds"] = r.seconds;
  add_device(out, r.device);
  return out;
}

py::dict solve_cvar(const Doubles& returns, const MaybeDoubles& probabilities, double confidence, const MaybeDoubles& q,
                    const MaybeDoubles& G, const MaybeDoubles& h, const MaybeDoubles& A, const MaybeDoubles& b,
                    const MaybeDoubles& lb, const MaybeDoubles& ub, const MaybeDoubles& start, double tolerance,
                    int max_iterations, const std::string& device, std::optional<double> time_limit,
                    const portfolio::CancelToken* cancel) {
  constexpr const char* name = "solve_cvar";
  const portfolio::CvarProblem problem{matrix_view<double>(returns, name, "returns"),
                                       vector_view(probabilities, name, "probabilities"),
                                       confidence,
                                       vector_view(q, name, "q"),
                                       matrix_view(G, name, "G"),
                                       vector_view(h, name, "h"),
                                       matrix_view(A, name, "A"),
                                       vector_view(b, name, "b"),
                                       vector_view(lb, name, "lb"),
                                       vector_view(ub, name, "ub")};
  portfolio::CvarOptions options;
  options.tolerance = tolerance;
  options.max_iterations = max_iterations;
  options.start = vector_view(start, name, "start");
  options.device = portfolio::parse_device(device, name);
  options.interrupt = interrupt_of(time_limit, cancel);
  portfolio::CvarResult result;
  {
    const py::gil_scoped_release release;
    result = portfolio::solve_cvar(problem, options);
  }
  return to_dict(std::move(result));
}

}  // namespace

void init_cvar(py::module_& m) {
  m.def("solve_cvar", &solve_cvar, py::arg("returns"), py::kw_only(), py::arg("probabilities").none(true),
        py::arg("confidence"), py::arg("q").none(true), py::arg("G").none(true), py::arg("h").none(true),
        py::arg("A").none(true), py::arg("b").none(true), py::arg("lb").none(true), py::arg("ub").none(true),
        py::arg("start").none(true), py::arg("tolerance"), py::arg("max_iterations"), py::arg("device"),
        py::arg("time_limit").none(true), py::arg("cancel").none(true));
}
