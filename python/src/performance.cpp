#include "portfolio/performance.hpp"

#include <cstdint>

#include "arrays.hpp"

namespace {

using Result = portfolio::PerformanceResult;

const std::pair<const char*, double Result::*> kMeasures[] = {
    {"total_return", &Result::total_return},
    {"annualized_return", &Result::annualized_return},
    {"geometric_return", &Result::geometric_return},
    {"volatility", &Result::volatility},
    {"downside_deviation", &Result::downside_deviation},
    {"mean_absolute_deviation", &Result::mean_absolute_deviation},
    {"sharpe_ratio", &Result::sharpe_ratio},
    {"sortino_ratio", &Result::sortino_ratio},
    {"omega_ratio", &Result::omega_ratio},
    {"gain_loss_ratio", &Result::gain_loss_ratio},
    {"tail_ratio", &Result::tail_ratio},
    {"max_drawdown", &Result::max_drawdown},
    {"average_drawdown", &Result::average_drawdown},
    {"ulcer_index", &Result::ulcer_index},
    {"pain_index", &Result::pain_index},
    {"calmar_ratio", &Result::calmar_ratio},
    {"martin_ratio", &Result::martin_ratio},
    {"pain_ratio", &Result::pain_ratio},
    {"value_at_risk", &Result::value_at_risk},
    {"conditional_value_at_risk", &Result::conditional_value_at_risk},
    {"skewness", &Result::skewness},
    {"kurtosis", &Result::kurtosis},
    {"best", &Result::best},
    {"worst", &Result::worst},
    {"positive_share", &Result::positive_share},
    {"alpha", &Result::alpha},
    {"beta", &Result::beta},
    {"correlation", &Result::correlation},
    {"tracking_error", &Result::tracking_error},
    {"information_ratio", &Result::information_ratio},
    {"treynor_ratio", &Result::treynor_ratio},
    {"m_squared", &Result::m_squared},
    {"systematic_risk", &Result::systematic_risk},
    {"specific_risk", &Result::specific_risk},
    {"up_capture", &Result::up_capture},
    {"down_capture", &Result::down_capture},
};

portfolio::PerformanceOptions options_of(const char* function, const MaybeDoubles& benchmark, double risk_free_rate,
                                         double periods_per_year, double confidence, const std::string& device) {
  portfolio::PerformanceOptions options;
  options.benchmark = vector_view(benchmark, function, "benchmark");
  options.risk_free_rate = risk_free_rate;
  options.periods_per_year = periods_per_year;
  options.confidence = confidence;
  options.device = portfolio::parse_device(device, function);
  return options;
}

// (k, 4): peak, valley, recovery and depth of each drawdown, deepest first.
py::array_t<double> drawdown_table(const std::vector<portfolio::Drawdown>& drawdowns) {
  std::vector<double> rows;
  rows.reserve(4 * drawdowns.size());
  for (const auto& d : drawdowns) {
    for (const std::size_t place : {d.peak, d.valley, d.recovery}) rows.push_back(static_cast<double>(place));
    rows.push_back(d.depth);
  }
  return to_numpy<double>(std::move(rows), {static_cast<py::ssize_t>(drawdowns.size()), 4});
}

py::dict performance(const Doubles& returns, const MaybeDoubles& benchmark, double risk_free_rate,
                     double periods_per_year, double confidence, const std::string& device) {
  const char* name = "performance";
  const auto options = options_of(name, benchmark, risk_free_rate, periods_per_year, confidence, device);
  const auto view = vector_view<double>(returns, name, "returns");
  Result result{};
  {
    const py::gil_scoped_release release;
    result = portfolio::performance(view, options);
  }
  py::dict out;
  for (const auto& [measure, member] : kMeasures) out[measure] = result.*member;
  out["longest_drawdown"] = result.longest_drawdown;
  out["observations"] = result.observations;
  add_device(out, result.device);
  out["drawdowns"] = drawdown_table(result.drawdowns);
  return out;
}

// One array for each measure, with a number for each column of the table.
py::dict performance_batch(const Doubles& returns, const MaybeDoubles& benchmark, double risk_free_rate,
                           double periods_per_year, double confidence, const std::string& device) {
  const char* name = "performance_batch";
  const auto options = options_of(name, benchmark, risk_free_rate, periods_per_year, confidence, device);
  const auto view = matrix_view<double>(returns, name, "returns");
  std::vector<Result> results;
  {
    const py::gil_scoped_release release;
    results = portfolio::performance_batch(view, options);
  }
  py::dict out;
  for (const auto& [measure, member] : kMeasures) {
    std::vector<double> column;
    column.reserve(results.size());
    for (const Result& result : results) column.push_back(result.*member);
    out[measure] = to_numpy(std::move(column));
  }
  std::vector<std::int64_t> longest;
  for (const Result& result : results) longest.push_back(static_cast<std::int64_t>(result.longest_drawdown));
  const auto count = static_cast<py::ssize_t>(longest.size());
  out["longest_drawdown"] = to_numpy<std::int64_t>(std::move(longest), {count});
  out["observations"] = view.rows;
  add_device(out, results.empty() ? portfolio::DeviceUsed{} : results.front().device);
  return out;
}

py::dict rolling_performance(const Doubles& returns, const MaybeDoubles& benchmark, std::size_t window,
                             double risk_free_rate, double periods_per_year, double confidence,
                             const std::string& device) {
  const char* name = "rolling_performance";
  const auto options = options_of(name, benchmark, risk_free_rate, periods_per_year, confidence, device);
  const auto view = vector_view<double>(returns, name, "returns");
  portfolio::RollingResult result;
  {
    const py::gil_scoped_release release;
    result = portfolio::rolling_performance(view, window, options);
  }
  py::dict out;
  for (const auto& [measure, member] : portfolio::rolling_measures())
    out[measure] = to_numpy(std::move(result.*member));
  add_device(out, result.device);
  return out;
}

}  // namespace

void init_performance(py::module_& m) {
  m.def("performance", &performance, py::arg("returns"), py::arg("benchmark"), py::kw_only(), py::arg("risk_free_rate"),
        py::arg("periods_per_year"), py::arg("confidence"), py::arg("device"));
  m.def("performance_batch", &performance_batch, py::arg("returns"), py::arg("benchmark"), py::kw_only(),
        py::arg("risk_free_rate"), py::arg("periods_per_year"), py::arg("confidence"), py::arg("device"));
  m.def("rolling_performance", &rolling_performance, py::arg("returns"), py::arg("benchmark"), py::kw_only(),
        py::arg("window"), py::arg("risk_free_rate"), py::arg("periods_per_year"), py::arg("confidence"),
        py::arg("device"));
}
