#include "portfolio/performance.hpp"

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

py::dict performance(const Doubles& returns, const MaybeDoubles& benchmark, double risk_free_rate,
                     double periods_per_year, double confidence, const std::string& device) {
  portfolio::PerformanceOptions options;
  options.benchmark = vector_view(benchmark, "performance", "benchmark");
  options.risk_free_rate = risk_free_rate;
  options.periods_per_year = periods_per_year;
  options.confidence = confidence;
  options.device = portfolio::parse_device(device, "performance");
  const auto view = vector_view<double>(returns, "performance", "returns");
  Result result{};
  {
    const py::gil_scoped_release release;
    result = portfolio::performance(view, options);
  }
  py::dict out;
  for (const auto& [name, member] : kMeasures) out[name] = result.*member;
  py::list drawdowns;
  for (const auto& d : result.drawdowns) drawdowns.append(py::make_tuple(d.peak, d.valley, d.recovery, d.depth));
  out["drawdowns"] = std::move(drawdowns);
  out["longest_drawdown"] = result.longest_drawdown;
  out["observations"] = result.observations;
  add_device(out, result.device);
  return out;
}

}  // namespace

void init_performance(py::module_& m) {
  m.def("performance", &performance, py::arg("returns"), py::arg("benchmark"), py::kw_only(), py::arg("risk_free_rate"),
        py::arg("periods_per_year"), py::arg("confidence"), py::arg("device"));
}
