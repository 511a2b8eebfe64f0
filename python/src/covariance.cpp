#include "portfolio/covariance.hpp"

#include "arrays.hpp"

namespace {

using portfolio::CovarianceMethod;

CovarianceMethod parse_method(const std::string& name, const char* function) {
  if (name == "sample") return CovarianceMethod::sample;
  if (name == "exponential") return CovarianceMethod::exponential;
  if (name == "ledoit_wolf") return CovarianceMethod::ledoit_wolf;
  if (name == "oas") return CovarianceMethod::oas;
  throw std::invalid_argument(std::string("[") + function +
                              "] method: expected \"sample\", \"exponential\", \"ledoit_wolf\" or \"oas\", got \"" +
                              name + "\"");
}

template <class T>
portfolio::CovarianceResult run(const Array<T>& returns, const portfolio::CovarianceOptions& options) {
  const auto view = matrix_view<T>(returns, "covariance", "returns");
  const py::gil_scoped_release release;
  return portfolio::covariance(view, options);
}

portfolio::CovarianceOptions options_of(const char* function, const std::string& method, double ddof, double halflife,
                                        const MaybeDoubles& weights, const std::string& device) {
  portfolio::CovarianceOptions options;
  options.method = parse_method(method, function);
  options.ddof = ddof;
  options.halflife = halflife;
  options.weights = vector_view(weights, function, "weights");
  options.device = portfolio::parse_device(device, function);
  return options;
}

py::dict to_dict(portfolio::CovarianceResult&& result) {
  py::dict out;
  out["covariance"] = to_numpy(std::move(result.covariance));
  out["mean"] = to_numpy(std::move(result.mean));
  out["shrinkage"] = result.shrinkage;
  out["effective_observations"] = result.effective_observations;
  add_device(out, result.device);
  return out;
}

py::dict covariance(const py::array& returns, const std::string& method, double ddof, double halflife,
                    const MaybeDoubles& weights, const std::string& device) {
  const auto options = options_of("covariance", method, ddof, halflife, weights, device);
  return to_dict(py::isinstance<py::array_t<float>>(returns) ? run<float>(Array<float>(returns), options)
                                                             : run<double>(Doubles(returns), options));
}

py::list covariance_batch(const std::vector<Doubles>& returns, const std::string& method, double ddof, double halflife,
                          const MaybeDoubles& weights, const std::string& device) {
  constexpr const char* name = "covariance_batch";
  const auto options = options_of(name, method, ddof, halflife, weights, device);
  const auto universes = matrix_views(returns, name, "returns");
  std::vector<portfolio::CovarianceResult> results;
  {
    const py::gil_scoped_release release;
    results = portfolio::covariance_batch(universes, options);
  }
  py::list out;
  for (auto& result : results) out.append(to_dict(std::move(result)));
  return out;
}

}  // namespace

void init_covariance(py::module_& m) {
  m.def("covariance", &covariance, py::arg("returns"), py::kw_only(), py::arg("method"), py::arg("ddof"),
        py::arg("halflife"), py::arg("weights"), py::arg("device"));
  m.def("covariance_batch", &covariance_batch, py::arg("returns"), py::kw_only(), py::arg("method"), py::arg("ddof"),
        py::arg("halflife"), py::arg("weights"), py::arg("device"));
}
