#include "risk_parity_solver.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "blas.hpp"

namespace portfolio::parity {
namespace {

constexpr int kSweeps = 20;         // coordinate sweeps before Newton takes over
constexpr double kNoRisk = 1e-7;    // volatility, in units of one asset's, that rounding alone can make
constexpr double kNotPsd = -1e-10;  // eigenvalue of a correlation matrix that rounding alone cannot make

}  // namespace

Solver::Solver(MatrixView covariance, VectorView budgets)
    : n_(covariance.rows), C_(n_, n_), b_(n_, 1.0), sigma_(n_), y_(n_), g_(n_), step_(n_) {
  for (std::size_t i = 0; i < n_; ++i) sigma_[i] = std::sqrt(covariance(i, i));
  for (std::size_t i = 0; i < n_; ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      C_(i, j) = C_(j, i) = 0.5 * (covariance(i, j) + covariance(j, i)) / sigma_[i] / sigma_[j];
    }
    C_(i, i) = 1.0;
    if (budgets) b_[i] = budgets[i];
  }
  const double total = std::accumulate(b_.begin(), b_.end(), 0.0);
  for (std::size_t i = 0; i < n_; ++i) {
    b_[i] /= total;
    y_[i] = std::sqrt(b_[i]);
  }
  rescale();
}

bool Solver::start(const float* y) {
  for (std::size_t i = 0; i < n_; ++i) {
    if (!(y[i] > 0.0f) || !std::isfinite(y[i])) return false;
  }
  std::copy(y, y + n_, y_.begin());
  rescale();
  sweeps_ = kSweeps;
  return true;
}

void Solver::multiply() {
  variance_ = 0.0;
  for (std::size_t i = 0; i < n_; ++i) {
    g_[i] = std::inner_product(y_.begin(), y_.end(), &C_.data[i * n_], 0.0);
    variance_ += y_[i] * g_[i];
  }
}

// The exact minimum along the ray through y: y'Cy = sum b = 1.
void Solver::rescale() {
  multiply();
  const double scale = variance_ > 0.0 ? 1.0 / std::sqrt(variance_) : 1.0;
  if (!(scale < 1e150)) return;
  for (std::size_t i = 0; i < n_; ++i) {
    y_[i] *= scale;
    g_[i] *= scale;
  }
  variance_ *= scale * scale;
}

// Exact minimisation along each coordinate in turn: y_i^2 + a y_i - b_i = 0.
void Solver::sweep() {
  for (std::size_t i = 0; i < n_; ++i) {
    const double a = g_[i] - y_[i];
    const double root = std::sqrt(a * a + 4.0 * b_[i]);
    const double next = a > 0.0 ? 2.0 * b_[i] / (a + root) : 0.5 * (root - a);
    const double change = next - y_[i];
    y_[i] = next;
    const double* row = &C_.data[i * n_];
    for (std::size_t j = 0; j < n_; ++j) g_[j] += change * row[j];
  }
  rescale();
}

// One damped Newton step in the relative variables s, y <- y (1 + t s). In units of sqrt(b) the Hessian is I + K with
// K positive semidefinite, so its factorisation does not break down however small a budget is. With r = max(-s_i) the
// step t = 1 / (1 + r) is the minimiser of an upper bound of the objective (|f'''| <= 2 max|s| f''): it always descends
// and tends to the full step.
bool Solver::newton() {
  Matrix H(n_, n_);
  for (std::size_t i = 0; i < n_; ++i) {
    const double row = y_[i] / std::sqrt(b_[i]);
    for (std::size_t j = 0; j < n_; ++j) H(i, j) = row * C_(i, j) * (y_[j] / std::sqrt(b_[j]));
    H(i, i) += 1.0;
    step_[i] = (b_[i] - y_[i] * g_[i]) / std::sqrt(b_[i]);
  }
  const int n = static_cast<int>(n_);
  if (blas::potrf(n, H.data.data(), n) != 0) return false;
  blas::potrs(n, 1, H.data.data(), n, step_.data(), n);
  double backward = 0.0;
  for (std::size_t i = 0; i < n_; ++i) {
    step_[i] /= std::sqrt(b_[i]);
    backward = std::max(backward, -step_[i]);
  }
  const double t = 1.0 / (1.0 + backward);
  for (std::size_t i = 0; i < n_; ++i) y_[i] *= 1.0 + t * step_[i];
  rescale();
  return true;
}

// Largest distance of a share of the variance from its budget, absolute or as a part of the budget.
double Solver::error(bool relative) const {
  double worst = 0.0;
  for (std::size_t i = 0; i < n_; ++i) {
    const double distance = std::fabs(y_[i] * g_[i] / variance_ - b_[i]) / (relative ? b_[i] : 1.0);
    if (!(distance <= worst)) worst = distance;
  }
  return worst;
}

bool Solver::without_risk() const {
  return !(std::sqrt(std::max(variance_, 0.0)) > kNoRisk * std::accumulate(y_.begin(), y_.end(), 0.0));
}

bool Solver::indefinite() const {
  Matrix copy = C_;
  std::vector<double> values(n_);
  const int failed = blas::syevd(static_cast<int>(n_), copy.data.data(), values.data());
  return failed == 0 && values.front() < kNotPsd * static_cast<double>(n_);
}

void Solver::report(RiskParityResult& result) const {
  double total = 0.0;
  for (std::size_t i = 0; i < n_; ++i) total += y_[i] / sigma_[i];
  result.volatility = std::sqrt(std::max(variance_, 0.0)) / total;
  result.weights.resize(n_);
  result.risk_contributions.resize(n_);
  for (std::size_t i = 0; i < n_; ++i) {
    result.weights[i] = y_[i] / sigma_[i] / total;
    result.risk_contributions[i] = result.volatility > 0.0 ? result.volatility * (y_[i] * g_[i] / variance_) : 0.0;
  }
  result.max_error = error(false);
}

// The relative error is what small budgets need; where rounding forbids it, the absolute one decides.
RiskParityResult Solver::solve(double tolerance, int max_iterations) {
  RiskParityResult result;
  double best = error(true);
  std::vector<double> best_y = y_;
  int stalled = 0;
  bool broke_down = false;
  while (!(best <= tolerance) && result.iterations < max_iterations && stalled < 3 && !broke_down) {
    if (without_risk()) break;
    const bool sweeping = sweeps_ < kSweeps;
    if (sweeping) {
      sweep();
      ++sweeps_;
    } else {
      broke_down = !newton();
    }
    ++result.iterations;
    const double now = error(true);
    // Far from the solution the error may rise while the objective falls: only near it does that mean rounding.
    stalled = now < best || best > 1e-3 ? 0 : stalled + 1;
    if (sweeping && stalled > 0) {
      sweeps_ = kSweeps;
      stalled = 0;
    }
    if (now < best) {
      best = now;
      best_y = y_;
    }
  }
  const bool no_risk = without_risk();
  if (!no_risk) {
    y_ = best_y;
    rescale();
  }
  report(result);
  if (!no_risk && result.max_error <= tolerance) {
    result.status = RiskParityStatus::optimal;
  } else if (indefinite()) {
    result.status = RiskParityStatus::not_psd;
  } else if (no_risk) {
    result.status = RiskParityStatus::zero_risk;
  } else if (result.iterations < max_iterations) {
    result.status = RiskParityStatus::rounding_limit;
  }
  return result;
}

}  // namespace portfolio::parity
