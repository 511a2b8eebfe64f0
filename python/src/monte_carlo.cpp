#include "portfolio/monte_carlo.hpp"

#include "arrays.hpp"
#include "interrupt.hpp"

namespace {

using portfolio::Distribution;
using portfolio::Precision;

Distribution parse_distribution(const std::string& name) {
  if (name == "normal") return Distribution::normal;
  if (name == "lognormal") return Distribution::lognormal;
  if (name == "student_t") return Distribution::student_t;
  throw std::invalid_argument("[simulate] distribution: expected \"normal\", \"lognormal\" or \"student_t\", got \"" +
                              name + "\"");
}

Precision parse_precision(const std::string& function, const std::string& name) {
  if (name == "float64") return Precision::float64;
  if (name == "float32") return Precision::float32;
  throw std::invalid_argument("[" + function + "] precision: expected \"float64\" or \"float32\", got \"" + name +
                              "\"");
}

py::dict to_dict(portfolio::SimulateResult&& result) {
  py::dict out;
  out["mean"] = result.mean;
  out["volatility"] = result.volatility;
  out["value_at_risk"] = result.var;
  out["conditional_value_at_risk"] = result.cvar;
  out["mean_se"] = result.mean_se;
  out["value_at_risk_se"] = result.var_se;
  out["conditional_value_at_risk_se"] = result.cvar_se;
  out["quantiles"] = std::move(result.quantiles);
  out["quantiles_se"] = std::move(result.quantiles_se);
  out["values"] = to_numpy(std::move(result.values));
  out["returns"] = to_numpy(std::move(result.returns));
  out["seed"] = result.seed;
  add_device(out, result.device);
  return out;
}

portfolio::Sampling parse_sampling(const std::string& name) {
  if (name == "random") return portfolio::Sampling::random;
  if (name == "sobol") return portfolio::Sampling::sobol;
  throw std::invalid_argument("[simulate] sampling: expected \"random\" or \"sobol\", got \"" + name + "\"");
}

// What both kinds of scenarios take.
portfolio::SimulateOptions options_of(const char* function, std::size_t horizon, std::size_t scenarios,
                                      std::uint64_t seed, const std::string& precision, bool rebalanced,
                                      double initial_value, double confidence, std::vector<double> quantile_levels,
                                      bool keep_values, bool keep_returns, const std::string& device,
                                      std::optional<double> time_limit, const portfolio::CancelToken* cancel) {
  portfolio::SimulateOptions options;
  options.horizon = horizon;
  options.scenarios = scenarios;
  options.seed = seed;
  options.precision = parse_precision(function, precision);
  options.rebalanced = rebalanced;
  options.initial_value = initial_value;
  options.confidence = confidence;
  options.quantile_levels = std::move(quantile_levels);
  options.keep_values = keep_values;
  options.keep_returns = keep_returns;
  options.device = portfolio::parse_device(device, function);
  options.interrupt = interrupt_of(time_limit, cancel);
  return options;
}

py::dict simulate(const Doubles& mean, const Doubles& covariance, const Doubles& weights, std::size_t horizon,
                  std::size_t scenarios, std::uint64_t seed, const std::string& distribution, int degrees_of_freedom,
                  const std::string& sampling, bool scramble, const std::string& precision, bool rebalanced,
                  double initial_value, double confidence, std::vector<double> quantile_levels, bool keep_values,
                  bool keep_returns, const std::string& device, std::optional<double> time_limit,
                  const portfolio::CancelToken* cancel) {
  auto options = options_of("simulate", horizon, scenarios, seed, precision, rebalanced, initial_value, confidence,
                            std::move(quantile_levels), keep_values, keep_returns, device, time_limit, cancel);
  options.distribution = parse_distribution(distribution);
  options.degrees_of_freedom = degrees_of_freedom;
  options.sampling = parse_sampling(sampling);
  options.scramble = scramble;
  const auto m = vector_view<double>(mean, "simulate", "mean");
  const auto c = matrix_view<double>(covariance, "simulate", "covariance");
  const auto w = vector_view<double>(weights, "simulate", "weights");
  portfolio::SimulateResult result;
  {
    const py::gil_scoped_release release;
    result = portfolio::simulate(m, c, w, options);
  }
  return to_dict(std::move(result));
}

py::dict simulate_bootstrap(const Doubles& returns, const Doubles& weights, double block_length, std::size_t horizon,
                            std::size_t scenarios, std::uint64_t seed, const std::string& precision, bool rebalanced,
                            double initial_value, double confidence, std::vector<double> quantile_levels,
                            bool keep_values, bool keep_returns, const std::string& device,
                            std::optional<double> time_limit, const portfolio::CancelToken* cancel) {
  auto options =
      options_of("simulate_bootstrap", horizon, scenarios, seed, precision, rebalanced, initial_value, confidence,
                 std::move(quantile_levels), keep_values, keep_returns, device, time_limit, cancel);
  options.block_length = block_length;
  const auto r = matrix_view<double>(returns, "simulate_bootstrap", "returns");
  const auto w = vector_view<double>(weights, "simulate_bootstrap", "weights");
  portfolio::SimulateResult result;
  {
    const py::gil_scoped_release release;
    result = portfolio::simulate_bootstrap(r, w, options);
  }
  return to_dict(std::move(result));
}

py::array_t<double> standard_normals(std::uint64_t seed, std::uint64_t first_path, std::size_t paths,
                                     std::uint32_t step, std::size_t count, const std::string& precision) {
  const Precision chosen = parse_precision("standard_normals", precision);
  const py::gil_scoped_release release;
  portfolio::Matrix draws = portfolio::standard_normals(seed, first_path, paths, step, count, chosen);
  const py::gil_scoped_acquire acquire;
  return to_numpy(std::move(draws));
}

}  // namespace

void init_monte_carlo(py::module_& m) {
  m.def("philox4x32_10", &portfolio::philox4x32_10, py::arg("counter"), py::arg("key"));
  m.def("standard_normals", &standard_normals, py::arg("seed"), py::arg("first_path"), py::arg("paths"),
        py::arg("step"), py::arg("count"), py::arg("precision"));
  m.def("simulate", &simulate, py::arg("mean"), py::arg("covariance"), py::arg("weights"), py::kw_only(),
        py::arg("horizon"), py::arg("scenarios"), py::arg("seed"), py::arg("distribution"),
        py::arg("degrees_of_freedom"), py::arg("sampling"), py::arg("scramble"), py::arg("precision"),
        py::arg("rebalanced"), py::arg("initial_value"), py::arg("confidence"), py::arg("quantile_levels"),
        py::arg("keep_values"), py::arg("keep_returns"), py::arg("device"), py::arg("time_limit").none(true),
        py::arg("cancel").none(true));
  m.def("simulate_bootstrap", &simulate_bootstrap, py::arg("returns"), py::arg("weights"), py::kw_only(),
        py::arg("block_length"), py::arg("horizon"), py::arg("scenarios"), py::arg("seed"), py::arg("precision"),
        py::arg("rebalanced"), py::arg("initial_value"), py::arg("confidence"), py::arg("quantile_levels"),
        py::arg("keep_values"), py::arg("keep_returns"), py::arg("device"), py::arg("time_limit").none(true),
        py::arg("cancel").none(true));
}
