#include "portfolio/eigh.hpp"

#include "arrays.hpp"
#include "interrupt.hpp"

namespace {

py::dict to_dict(portfolio::EighResult&& result) {
  py::dict out;
  out["values"] = to_numpy(std::move(result.values));
  out["vectors"] = to_numpy(std::move(result.vectors));
  add_device(out, result.device);
  return out;
}

py::dict eigh(const Doubles& matrix, const std::string& device) {
  const auto view = matrix_view<double>(matrix, "eigh", "matrix");
  const auto chosen = portfolio::parse_device(device, "eigh");
  portfolio::EighResult result;
  {
    const py::gil_scoped_release release;
    result = portfolio::eigh(view, chosen);
  }
  return to_dict(std::move(result));
}

py::array_t<double> eigvalsh(const Doubles& matrix) {
  const auto view = matrix_view<double>(matrix, "eigvalsh", "matrix");
  std::vector<double> values;
  {
    const py::gil_scoped_release release;
    values = portfolio::eigvalsh(view);
  }
  return to_numpy(std::move(values));
}

py::list eigh_batch(const std::vector<Doubles>& matrices, const std::string& device) {
  constexpr const char* name = "eigh_batch";
  const auto views = matrix_views(matrices, name, "matrices");
  const auto chosen = portfolio::parse_device(device, name);
  std::vector<portfolio::EighResult> results;
  {
    const py::gil_scoped_release release;
    results = portfolio::eigh_batch(views, chosen);
  }
  py::list out;
  for (auto& result : results) out.append(to_dict(std::move(result)));
  return out;
}

py::dict nearest_psd(const Doubles& matrix, double min_eigenvalue, bool keep_diagonal, double tolerance,
                     int max_iterations, const std::string& device, std::optional<double> time_limit,
                     const portfolio::CancelToken* cancel) {
  portfolio::NearestPsdOptions options;
  options.interrupt = interrupt_of(time_limit, cancel);
  options.min_eigenvalue = min_eigenvalue;
  options.keep_diagonal = keep_diagonal;
  options.tolerance = tolerance;
  options.max_iterations = max_iterations;
  options.device = portfolio::parse_device(device, "nearest_psd");
  const auto view = matrix_view<double>(matrix, "nearest_psd", "matrix");
  portfolio::NearestPsdResult result;
  {
    const py::gil_scoped_release release;
    result = portfolio::nearest_psd(view, options);
  }
  py::dict out;
  out["matrix"] = to_numpy(std::move(result.matrix));
  out["changed"] = result.changed;
  out["converged"] = result.converged;
  out["distance"] = result.distance;
  out["max_change"] = result.max_change;
  out["smallest_eigenvalue"] = result.smallest_eigenvalue;
  out["negative_eigenvalues"] = result.negative_eigenvalues;
  out["iterations"] = result.iterations;
  add_device(out, result.device);
  return out;
}

}  // namespace

void init_eigh(py::module_& m) {
  m.def("eigh", &eigh, py::arg("matrix"), py::kw_only(), py::arg("device"));
  m.def("eigvalsh", &eigvalsh, py::arg("matrix"));
  m.def("eigh_batch", &eigh_batch, py::arg("matrices"), py::kw_only(), py::arg("device"));
  m.def("nearest_psd", &nearest_psd, py::arg("matrix"), py::kw_only(), py::arg("min_eigenvalue"),
        py::arg("keep_diagonal"), py::arg("tolerance"), py::arg("max_iterations"), py::arg("device"),
        py::arg("time_limit").none(true), py::arg("cancel").none(true));
}
