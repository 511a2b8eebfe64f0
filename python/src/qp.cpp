#include "portfolio/qp.hpp"

#include "arrays.hpp"

namespace {

using portfolio::QpProblem;

portfolio::QpOptions options_of(double tolerance, int max_iterations, bool polish, const std::string& device,
                                const char* function) {
  portfolio::QpOptions options;
  options.tolerance = tolerance;
  options.max_iterations = max_iterations;
  options.polish = polish;
  options.device = portfolio::parse_device(device, function);
  return options;
}

py::dict to_dict(portfolio::QpResult&& r) {
  py::dict out;
  out["x"] = to_numpy(std::move(r.x));
  out["y"] = to_numpy(std::move(r.y));
  out["z"] = to_numpy(std::move(r.z));
  out["z_box"] = to_numpy(std::move(r.z_box));
  out["status"] = portfolio::to_string(r.status);
  out["objective"] = r.objective;
  out["primal_residual"] = r.primal_residual;
  out["dual_residual"] = r.dual_residual;
  out["gap"] = r.gap;
  out["iterations"] = r.iterations;
  out["polished"] = r.polished;
  out["seconds"] = r.seconds;
  add_device(out, r.device);
  return out;
}

py::dict solve_qp(const MaybeDoubles& P, const Doubles& q, const MaybeDoubles& G, const MaybeDoubles& h,
                  const MaybeDoubles& A, const MaybeDoubles& b, const MaybeDoubles& lb, const MaybeDoubles& ub,
                  double tolerance, int max_iterations, bool polish, const std::string& device) {
  constexpr const char* name = "solve_qp";
  const auto options = options_of(tolerance, max_iterations, polish, device, name);
  const QpProblem problem{matrix_view(P, name, "P"),   vector_view<double>(q, name, "q"), matrix_view(G, name, "G"),
                          vector_view(h, name, "h"),   matrix_view(A, name, "A"),         vector_view(b, name, "b"),
                          vector_view(lb, name, "lb"), vector_view(ub, name, "ub")};
  portfolio::QpResult result;
  {
    const py::gil_scoped_release release;
    result = portfolio::solve_qp(problem, options);
  }
  return to_dict(std::move(result));
}

// One argument of a batch: shared by all problems, or with one more leading axis.
struct Argument {
  const MaybeDoubles& array;
  const char* name;
  py::ssize_t dimensions;  // of one problem's

  bool batched() const { return array && array->ndim() == dimensions + 1; }

  void check(const char* function) const {
    if (array && array->ndim() != dimensions && !batched()) {
      throw std::invalid_argument(std::string("[") + function + "] " + name + ": expected " +
                                  std::to_string(dimensions) + " axes, or one more for a batch, got " +
                                  shape_of(*array));
    }
  }

  portfolio::VectorView vector(std::size_t k) const {
    if (!array) return {};
    const auto size = static_cast<std::size_t>(array->shape(array->ndim() - 1));
    return {array->data() + (batched() ? k * size : 0), size};
  }

  portfolio::MatrixView matrix(std::size_t k) const {
    if (!array) return {};
    const auto rows = static_cast<std::size_t>(array->shape(array->ndim() - 2));
    const auto cols = static_cast<std::size_t>(array->shape(array->ndim() - 1));
    return {array->data() + (batched() ? k * rows * cols : 0), rows, cols};
  }
};

py::list solve_all(const std::vector<QpProblem>& problems, const portfolio::QpOptions& options) {
  std::vector<portfolio::QpResult> results;
  {
    const py::gil_scoped_release release;
    results = portfolio::solve_qp_batch(problems, options);
  }
  py::list out;
  for (auto& result : results) out.append(to_dict(std::move(result)));
  return out;
}

py::list solve_qp_batch(const MaybeDoubles& P, const MaybeDoubles& q, const MaybeDoubles& G, const MaybeDoubles& h,
                        const MaybeDoubles& A, const MaybeDoubles& b, const MaybeDoubles& lb, const MaybeDoubles& ub,
                        double tolerance, int max_iterations, bool polish, const std::string& device) {
  constexpr const char* name = "solve_qp_batch";
  const auto options = options_of(tolerance, max_iterations, polish, device, name);
  const Argument arguments[] = {{P, "P", 2}, {q, "q", 1}, {G, "G", 2},   {h, "h", 1},
                                {A, "A", 2}, {b, "b", 1}, {lb, "lb", 1}, {ub, "ub", 1}};
  const Argument* first = nullptr;
  for (const Argument& argument : arguments) {
    argument.check(name);
    if (!argument.batched()) continue;
    if (first == nullptr) first = &argument;
    if (argument.array->shape(0) != first->array->shape(0)) {
      throw std::invalid_argument(std::string("[") + name + "] " + argument.name + ": expected a batch of " +
                                  std::to_string(first->array->shape(0)) + " as in " + first->name + ", got " +
                                  shape_of(*argument.array));
    }
  }
  if (first == nullptr) {
    throw std::invalid_argument(std::string("[") + name +
                                "] arguments: expected at least one with a leading batch axis, got none");
  }
  std::vector<QpProblem> problems(static_cast<std::size_t>(first->array->shape(0)));
  for (std::size_t k = 0; k < problems.size(); ++k) {
    problems[k] = {arguments[0].matrix(k), arguments[1].vector(k), arguments[2].matrix(k), arguments[3].vector(k),
                   arguments[4].matrix(k), arguments[5].vector(k), arguments[6].vector(k), arguments[7].vector(k)};
  }
  return solve_all(problems, options);
}

// Problems of any shapes; each is (P, q, G, h, A, b, lb, ub). Arrays that are the same object are shared, not copied.
py::list solve_qp_list(const std::vector<std::vector<MaybeDoubles>>& given, double tolerance, int max_iterations,
                       bool polish, const std::string& device) {
  constexpr const char* name = "solve_qp_batch";
  const auto options = options_of(tolerance, max_iterations, polish, device, name);
  std::vector<QpProblem> problems;
  for (const auto& p : given) {
    if (p.size() != 8) {
      throw std::invalid_argument(std::string("[") + name + "] problems: expected 8 arrays each, got " +
                                  std::to_string(p.size()));
    }
    problems.push_back({matrix_view(p[0], name, "P"), vector_view(p[1], name, "q"), matrix_view(p[2], name, "G"),
                        vector_view(p[3], name, "h"), matrix_view(p[4], name, "A"), vector_view(p[5], name, "b"),
                        vector_view(p[6], name, "lb"), vector_view(p[7], name, "ub")});
  }
  return solve_all(problems, options);
}

}  // namespace

void init_qp(py::module_& m) {
  m.def("solve_qp", &solve_qp, py::arg("P").none(true), py::arg("q"), py::arg("G").none(true), py::arg("h").none(true),
        py::arg("A").none(true), py::arg("b").none(true), py::arg("lb").none(true), py::arg("ub").none(true),
        py::kw_only(), py::arg("tolerance"), py::arg("max_iterations"), py::arg("polish"), py::arg("device"));
  m.def("solve_qp_batch", &solve_qp_batch, py::arg("P").none(true), py::arg("q"), py::arg("G").none(true),
        py::arg("h").none(true), py::arg("A").none(true), py::arg("b").none(true), py::arg("lb").none(true),
        py::arg("ub").none(true), py::kw_only(), py::arg("tolerance"), py::arg("max_iterations"), py::arg("polish"),
        py::arg("device"));
  m.def("solve_qp_list", &solve_qp_list, py::arg("problems"), py::kw_only(), py::arg("tolerance"),
        py::arg("max_iterations"), py::arg("polish"), py::arg("device"));
}
