#include "active_set_start.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

namespace portfolio::active {
namespace {

constexpr double kSpecific = 0.05;  // least share of a variance that the factor does not explain
constexpr double kLeast = 1e-18;    // least variance, of the mean
constexpr double kFarthest = 10.0;  // budgets, where a bound is infinite
constexpr int kExposures = 5, kMultipliers = 30;
constexpr double kNear = 0.01;  // of the exposure: it is a start, not an answer
constexpr double kMet = 1e-13;

// The sum of the variables, where a row says what it is.
std::optional<double> budget(const Model& model) {
  for (int i = 0; i < model.equalities(); ++i) {
    const double* row = model.row(i);
    const double side = model.problem().b[static_cast<std::size_t>(i)];
    if (row[0] != 0.0 && std::all_of(row, row + model.n(), [row](double a) { return a == row[0]; }))
      return side / row[0];
  }
  return std::nullopt;
}

}  // namespace

// P = beta beta' + diag(specific), beta from the sums of P's rows.
void FactorStart::split(const Model& model, double budget) {
  const auto n = static_cast<std::size_t>(model.n());
  for (auto* v : {&beta_, &specific_, &inverse_, &price_, &low_, &high_}) v->assign(n, 0.0);
  cost_.clear();
  held_.clear();
  for (std::size_t j = 0; model.kinked() && j < n; ++j) {
    cost_.push_back(model.cost(static_cast<int>(j)));
    held_.push_back(model.held(static_cast<int>(j)));
  }
  ones_.assign(n, 1.0);
  model.hessian().add_product(ones_.data(), beta_.data());
  double total = 0.0, mean = 0.0;
  for (std::size_t j = 0; j < n; ++j) {
    const int index = static_cast<int>(j);
    model.hessian().gather(index, &index, 1, &specific_[j]);
    low_[j] = std::max(model.lb(index), -kFarthest * budget);
    high_[j] = std::min(model.ub(index), kFarthest * budget);
    total += beta_[j];
    mean += specific_[j] / static_cast<double>(n);
  }
  const double scale = total > 0.0 ? 1.0 / std::sqrt(total) : 0.0;
  for (std::size_t j = 0; j < n; ++j) {
    beta_[j] *= scale;
    const double variance = specific_[j];
    specific_[j] = std::max({variance - beta_[j] * beta_[j], kSpecific * variance, kLeast * mean});
    inverse_[j] = 1.0 / specific_[j];
  }
}

// What one variable wants: (multiplier - price_j) / specific_j, or to stay where it is held if the way costs more.
template <bool Trades>
double FactorStart::wanted(std::size_t j) const {
  const double away = multiplier_ - price_[j];
  if constexpr (!Trades) return away * inverse_[j];
  const double more = (away - cost_[j]) * inverse_[j], less = (away + cost_[j]) * inverse_[j];
  return more > held_[j] ? more : less < held_[j] ? less : held_[j];
}

// x_j as wanted within its bounds, with the multiplier at which they sum to the budget: Newton's method between two
// multipliers that are too small and too large.
template <bool Trades>
bool FactorStart::spend(double budget, std::vector<double>& x) {
  const std::size_t n = price_.size();
  double below = price_[0], above = price_[0], least = 0.0, most = 0.0;
  for (std::size_t j = 0; j < n; ++j) {
    const double cost = Trades ? cost_[j] : 0.0;
    below = std::min(below, price_[j] - cost + specific_[j] * low_[j]);
    above = std::max(above, price_[j] + cost + specific_[j] * high_[j]);
    least += low_[j];
    most += high_[j];
  }
  if (!(least < budget && budget < most)) return false;  // the bounds say it all
  const double rounding = kMet * (most - least);
  for (int step = 0; step < kMultipliers; ++step) {
    if (!(multiplier_ > below && multiplier_ < above)) multiplier_ = 0.5 * (below + above);
    double over = -budget, slope = 0.0;
    for (std::size_t j = 0; j < n; ++j) {
      const double free = wanted<Trades>(j);
      x[j] = std::min(std::max(free, low_[j]), high_[j]);
      over += x[j];
      slope += x[j] == free && !(Trades && free == held_[j]) ? inverse_[j] : 0.0;
    }
    if (std::fabs(over) <= rounding) return true;
    (over > 0.0 ? above : below) = multiplier_;
    multiplier_ = slope > 0.0 ? multiplier_ - over / slope : 0.5 * (below + above);
  }
  return false;
}

// The exposure to the factor that x gives must be the one that x was chosen for. The more of it is taken for granted,
// the less x has: a secant between two that enclose it.
bool FactorStart::find(const Model& model, std::vector<double>& x) {
  if (model.hessian().zero()) return false;
  const std::optional<double> sum = budget(model);
  if (!sum) return false;
  split(model, std::fabs(*sum));
  const std::size_t n = price_.size();
  const VectorView q = model.problem().q;
  double exposure = 0.0, known[2] = {}, off[2] = {};
  for (std::size_t j = 0; j < n; ++j) exposure += beta_[j] * *sum / static_cast<double>(n);
  multiplier_ = std::numeric_limits<double>::quiet_NaN();
  for (int step = 0; step < kExposures; ++step) {
    for (std::size_t j = 0; j < n; ++j) price_[j] = q[j] + exposure * beta_[j];
    if (!(cost_.empty() ? spend<false>(*sum, x) : spend<true>(*sum, x))) return false;
    double error = exposure;
    for (std::size_t j = 0; j < n; ++j) error -= beta_[j] * x[j];
    if (std::fabs(error) <= kNear * std::fabs(exposure)) return true;
    if (step == 0) {
      known[0] = exposure, off[0] = error;
      exposure -= error;  // the slope is at least one: beyond it
      continue;
    }
    const bool same = step > 1 && (error > 0.0) == (off[1] > 0.0);
    if (!same && step > 1) known[0] = known[1], off[0] = off[1];
    if (same) off[0] *= 0.5;  // Illinois
    known[1] = exposure, off[1] = error;
    exposure = known[1] - off[1] * (known[1] - known[0]) / (off[1] - off[0]);
  }
  return true;
}

}  // namespace portfolio::active
