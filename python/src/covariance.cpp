#include "portfolio/covariance.hpp"

#include "arrays.hpp"

namespace {

using portfolio::CovarianceMethod;

CovarianceMethod parse_method(const std::string& name) {
  if (name == "sample") return CovarianceMethod::sample;
  if (name == "exponential") return CovarianceMethod::exponential;
  if (name == "ledoit_wolf") return CovarianceMethod::ledoit_wolf;
  if (name == "oas") return CovarianceMethod::oas;
  throw std::invalid_argument(
      "[covariance] method: expected \"sample\", \"exponential\", \"ledoit_wolf\" or \"oas\", got \"" + name + "\"");
}

template <class T>
portfolio::CovarianceResult run(const Array<T>& returns, const portfolio::CovarianceOptions& options) {
  const auto view = matrix_view<T>(returns, "covariance", "returns");
  const py::gil_scoped_release release;
  return portfolio::covariance(view, options);
}

py::dict covariance(const py::array& returns, const std::string& method, double ddof, double halflife,
                    const MaybeDoubles& weights, const std::string& device) {
  portfolio::CovarianceOptions options;
  options.method = parse_method(method);
  options.ddof = ddof;
  options.halflife = halflife;
  options.weights = vector_view(weights, "covariance", "weights");
  options.device = portfolio::parse_device(device, "covariance");
  auto result = py::isinstance<py::array_t<float>>(returns) ? run<float>(Array<float>(returns), options)
                                                            : run<double>(Doubles(returns), options);
  py::dict out;
  out["covariance"] = to_numpy(std::move(result.covariance));
  out["mean"] = to_numpy(std::move(result.mean));
  out["shrinkage"] = result.shrinkage;
  out["effective_observations"] = result.effective_observations;
  add_device(out, result.device);
  return out;
}

}  // namespace

void init_covariance(py::module_& m) {
  m.def("covariance", &covariance, py::arg("returns"), py::kw_only(), py::arg("method"), py::arg("ddof"),
        py::arg("halflife"), py::arg("weights"), py::arg("device"));
}
