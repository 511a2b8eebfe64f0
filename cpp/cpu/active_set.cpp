#include "active_set.hpp"

#include <algorithm>
#include <cmath>

#include "active_set_loops.hpp"
#include "active_set_tolerance.hpp"
#include "qp_limits.hpp"

namespace portfolio::active {
namespace {

using qp::kInfinity;

constexpr int kAll = 96;     // so few variables are all candidates from the start
constexpr int kFirst = 40;   // candidates of a larger problem
constexpr int kMore = 24;    // at least so many join at a time
constexpr int kDense = 400;  // a start that frees more is no start
constexpr int kMost = 4096;  // their block of P is 128 MiB
constexpr int kRaises = 2;   // of the price of violated rows, by
constexpr double kRaise = 1e3;

}  // namespace

// About what the interior point would take, in the units of Core's work: measured, docs/numerics/qp.md.
double ActiveSet::most_work(const QpOptions& options) const {
  if (options.method == QpMethod::active_set) return kInfinity;
  const double n = model_.n(), m = model_.rows();
  const FactorView& factors = model_.problem().factors;
  if (factors.B) {
    const double side = static_cast<double>(factors.B.cols) + m + 10.0;
    return 2e6 + 3e3 * n + 50.0 * n * side * side;
  }
  return 2e6 + 600.0 * n * n + n * n * (3.0 * n + 5.0 * m);
}

// Nothing but equations: one system, which the interior point solves at once.
bool ActiveSet::only_equations() const {
  if (model_.rows() > model_.equalities() || model_.kinked()) return false;
  for (int j = 0; j < model_.n(); ++j) {
    if (model_.lb(j) > -kInfinity || model_.ub(j) < kInfinity) return false;
  }
  return true;
}

void ActiveSet::begin(const QpOptions& options) {
  const QpProblem& p = model_.problem();
  const int n = model_.n();
  x_.resize(at(n));
  place_.assign(at(n), -1);
  const bool given = options.start && inside(options.start) <= kDense;
  if (given || !start_by_factor()) start_at(given ? options.start : p.held);
  qp::gradient_at(p, model_.hessian(), x_, gradient_);
  core_.attach(model_, n <= kAll ? n : std::min(n, 4 * kFirst));
  refresh();
  if (n <= kAll) {
    for (int j = 0; j < n; ++j) {
      place_[at(j)] = core_.add(j, x_[at(j)] / model_.column(j), gradient_[at(j)]);
    }
  } else {
    for (int j = 0; j < n; ++j) {
      const double x = x_[at(j)];
      if (x <= model_.lb(j) || x >= model_.ub(j) || (model_.kinked() && x == model_.held(j))) continue;
      if (x != 0.0) place_[at(j)] = core_.add(j, x / model_.column(j), gradient_[at(j)]);
    }
    price();
    enter(kFirst);
  }
  core_.seed();
}

// False where it is no start. Many variables that are not held start from zero as well: few of them will not be.
bool ActiveSet::start_by_factor() {
  const bool many = model_.n() > kAll;
  if (model_.turnover() >= 0 || (many && !model_.kinked())) return false;
  if (!factor_start_.find(model_, x_)) return false;
  if (!many) return true;
  int moved = 0;
  for (int j = 0; j < model_.n(); ++j) {
    const double x = x_[at(j)];
    moved += x > model_.lb(j) && x < model_.ub(j) && x != model_.held(j) ? 1 : 0;
  }
  return moved <= kDense;
}

void ActiveSet::start_at(VectorView near) {
  for (int j = 0; j < model_.n(); ++j) {
    x_[at(j)] = std::min(std::max(near ? near[at(j)] : 0.0, model_.lb(j)), model_.ub(j));
  }
}

// How many variables a start would put into the first working set.
int ActiveSet::inside(VectorView near) const {
  int count = 0;
  for (int j = 0; j < model_.n(); ++j) count += near[at(j)] > model_.lb(j) && near[at(j)] < model_.ub(j) ? 1 : 0;
  return count;
}

// Values of the rows at the point.
void ActiveSet::refresh() {
  for (int i = 0; i < model_.rows(); ++i) {
    double value = 0.0;
    if (i == model_.turnover()) {
      for (int j = 0; j < model_.n(); ++j) value += std::fabs(x_[at(j)] - model_.held(j));
    } else {
      value = loops().dot(model_.n(), model_.row(i), x_.data());
    }
    core_.set_row(i, value * model_.row_scale(i));
  }
}

// The gradient with all multipliers, of every variable.
void ActiveSet::price() {
  reduced_.assign(gradient_.begin(), gradient_.end());
  for (int i = 0; i < model_.rows(); ++i) {
    if (core_.price(i) == 0.0 || i == model_.turnover()) continue;
    axpy(model_.n(), model_.dual(i, core_.price(i)), model_.row(i), reduced_.data());
  }
}

double ActiveSet::violation(int j) const {
  const double unit = model_.column(j) * model_.objective_scale(), r = reduced_[at(j)] * unit, x = x_[at(j)];
  double up = 0.0, down = 0.0;
  if (model_.kinked()) {
    double kink = model_.cost(j) * unit;
    if (model_.turnover() >= 0) kink += core_.kink_slope() * model_.column(j) * model_.row_scale(model_.turnover());
    up = x < model_.held(j) ? -kink : kink;
    down = x <= model_.held(j) ? -kink : kink;
  }
  const double gain_up = x >= model_.ub(j) ? 0.0 : -(r + up), gain_down = x <= model_.lb(j) ? 0.0 : r + down;
  return std::max(gain_up, gain_down);
}

// The variables outside that promise most become candidates; how many.
int ActiveSet::enter(int most) {
  double top = 1.0;
  for (int i = 0; i < model_.rows(); ++i) top = std::max(top, std::fabs(core_.price(i)));
  order_.clear();
  for (int j = 0; j < model_.n(); ++j) {
    if (place_[at(j)] < 0 && violation(j) > kPrice * top) order_.push_back(j);
  }
  const auto more = [this](int a, int b) {
    const double va = violation(a), vb = violation(b);
    return va > vb || (va == vb && a < b);
  };
  if (static_cast<int>(order_.size()) > most) {
    std::nth_element(order_.begin(), order_.begin() + most, order_.end(), more);
    order_.resize(at(most));
  }
  std::sort(order_.begin(), order_.end());
  for (const int j : order_) place_[at(j)] = core_.add(j, x_[at(j)] / model_.column(j), gradient_[at(j)]);
  return static_cast<int>(order_.size());
}

// The candidates' values in the caller's units: exact at every kink. Then the gradient there, afresh.
void ActiveSet::take_back() {
  for (int c = 0; c < core_.count(); ++c) {
    const int j = core_.index(c);
    const double column = model_.column(j), scaled = core_.x(c);
    double x = column * scaled;
    const bool free = core_.is_free(c);
    const auto is_at = [&](double kink) {  // free, and held by rows where its kink is: to rounding
      return free ? std::fabs(scaled - kink / column) <= kRounding : scaled == kink / column;
    };
    const bool beyond = model_.kinked() && free && core_.side(c) * (x - model_.held(j)) < 0.0;
    if (is_at(model_.lb(j))) x = model_.lb(j);
    if (is_at(model_.ub(j))) x = model_.ub(j);
    if (model_.kinked() && (beyond || is_at(model_.held(j)))) x = model_.held(j);
    x_[at(j)] = std::min(std::max(x, model_.lb(j)), model_.ub(j));
  }
  qp::gradient_at(model_.problem(), model_.hessian(), x_, gradient_);
  for (int c = 0; c < core_.count(); ++c) core_.set_gradient(c, gradient_[at(core_.index(c))]);
  refresh();
}

Outcome ActiveSet::climb(const QpOptions& options) {
  const long most = 50L * (model_.n() + model_.rows()) + 1000;
  const double limit = most_work(options);
  int raises = 0;
  for (int exact = 0;;) {
    const long before = steps_;
    const Outcome outcome = core_.solve(steps_, most, work_, limit, options.interrupt);
    take_back();
    if (outcome != Outcome::optimal) return outcome;
    price();
    work_ += static_cast<double>(model_.n()) * (core_.working() + model_.rows());
    if (core_.count() > kMost) return Outcome::spent;
    if (enter(std::max(kMore, core_.working())) > 0) {
      exact = 0;
      continue;
    }
    if (core_.priced()) {
      if (core_.settle_rows(kRestored)) continue;
      if (++raises > kRaises) return Outcome::stuck;
      core_.raise_price(kRaise);
      continue;
    }
    if (exact > 0 && steps_ == before) return outcome;
    if (++exact > 3) return outcome;
    core_.refine();
    take_back();
  }
}

std::optional<QpResult> ActiveSet::solve(const QpProblem& problem, const QpOptions& options) {
  model_.attach(problem);
  if (model_.crossed()) return std::nullopt;
  if (options.method == QpMethod::automatic && model_.n() > kAll && only_equations()) return std::nullopt;
  steps_ = 0;
  work_ = 0.0;
  begin(options);
  const Outcome outcome = climb(options);
  if (outcome == Outcome::interrupted) {
    const bool cancelled = options.interrupt.cancelled();
    return answer(cancelled ? QpStatus::cancelled : QpStatus::time_limit);
  }
  if (outcome != Outcome::optimal) return std::nullopt;
  QpResult out = answer(QpStatus::optimal);
  if (!certified(out, options.tolerance)) return std::nullopt;
  return out;
}

}  // namespace portfolio::active
