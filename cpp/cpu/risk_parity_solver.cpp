#include "risk_parity_solver.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "blas.hpp"
#include "vector_kernels.hpp"

namespace portfolio::parity {
namespace {

constexpr int kSweeps = 20;          // coordinate sweeps, at most, before Newton takes over
constexpr double kNear = 0.1;        // relative error at which it does anyway
constexpr double kNotPsd = -1e-10;   // eigenvalue of a correlation matrix that rounding alone cannot make
constexpr std::size_t kSquare = 32;  // rows and columns averaged at a time, so that both stay in cache

}  // namespace

void correlate(MatrixView covariance, Matrix& correlation, std::vector<double>& sigma) {
  const std::size_t n = covariance.rows;
  correlation = Matrix(n, n);
  sigma.resize(n);
  std::vector<double> inverse(n);
  for (std::size_t i = 0; i < n; ++i) {
    sigma[i] = std::sqrt(covariance(i, i));
    inverse[i] = 1.0 / sigma[i];
  }
  for (std::size_t top = 0; top < n; top += kSquare) {
    for (std::size_t left = 0; left <= top; left += kSquare) {
      for (std::size_t i = top; i < std::min(top + kSquare, n); ++i) {
        for (std::size_t j = left; j < std::min(left + kSquare, i); ++j) {
          correlation(i, j) = correlation(j, i) = 0.5 * (covariance(i, j) + covariance(j, i)) * inverse[i] * inverse[j];
        }
      }
    }
  }
  for (std::size_t i = 0; i < n; ++i) correlation(i, i) = 1.0;
}

bool indefinite(const Matrix& correlation) {
  Matrix copy = correlation;
  const std::size_t n = correlation.rows;
  std::vector<double> values(n);
  const int failed = blas::syevd(static_cast<int>(n), copy.data.data(), values.data());
  return failed == 0 && values.front() < kNotPsd * static_cast<double>(n);
}

Solver::Solver(MatrixView covariance, VectorView budgets)
    : n_(covariance.rows), b_(n_, 1.0), root_(n_), y_(n_), g_(n_), step_(n_) {
  correlate(covariance, C_, sigma_);
  if (budgets) std::copy_n(budgets.data, n_, b_.begin());
  for (auto* buffer : {&unit_, &rest_, &search_, &scaled_, &product_, &solution_}) buffer->resize(n_);
  const double total = std::accumulate(b_.begin(), b_.end(), 0.0);
  for (std::size_t i = 0; i < n_; ++i) {
    b_[i] /= total;
    root_[i] = std::sqrt(b_[i]);
  }
  y_ = root_;
  multiply();
  rescale();
}

bool Solver::start(const float* y) {
  for (std::size_t i = 0; i < n_; ++i) {
    if (!(y[i] > 0.0f) || !std::isfinite(y[i])) return false;
  }
  std::copy(y, y + n_, y_.begin());
  multiply();
  rescale();
  sweeps_ = kSweeps;
  return true;
}

void Solver::multiply() { vectors().multiply(n_, n_, C_.data.data(), y_.data(), g_.data()); }

// The exact minimum along the ray through y: y'Cy = sum b = 1.
void Solver::rescale() {
  variance_ = vectors().dot(n_, y_.data(), g_.data());
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
  const VectorKernels& v = vectors();
  for (std::size_t i = 0; i < n_; ++i) {
    const double a = g_[i] - y_[i];
    const double root = std::sqrt(a * a + 4.0 * b_[i]);
    const double next = a > 0.0 ? 2.0 * b_[i] / (a + root) : 0.5 * (root - a);
    v.add(n_, next - y_[i], &C_.data[i * n_], g_.data());
    y_[i] = next;
  }
  rescale();
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
  result.bound_duals.assign(n_, 0.0);
  result.budget_scale = result.volatility;
  result.max_error = error(false);
}

// The relative error is what small budgets need; where rounding forbids it, the absolute one decides.
RiskParityResult Solver::solve(double tolerance, int max_iterations, const Interrupt& interrupt) {
  RiskParityResult result;
  double best = error(true);
  std::vector<double> best_y = y_;
  int stalled = 0;
  bool broke_down = false;
  while (!(best <= tolerance) && result.iterations < max_iterations && stalled < 3 && !broke_down) {
    interrupt.check("risk_parity");
    if (without_risk()) break;
    const bool sweeping = sweeps_ < kSweeps;
    if (sweeping) {
      sweep();
      if (++sweeps_ == kSweeps || error(true) <= kNear) {  // the sweeps leave rounding in g
        multiply();
        rescale();
        sweeps_ = kSweeps;
      }
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
    multiply();
    rescale();
  }
  report(result);
  if (!no_risk && result.max_error <= tolerance) {
    result.status = RiskParityStatus::optimal;
  } else if (indefinite(C_)) {
    result.status = RiskParityStatus::not_psd;
  } else if (no_risk) {
    result.status = RiskParityStatus::zero_risk;
  } else if (result.iterations < max_iterations) {
    result.status = RiskParityStatus::rounding_limit;
  }
  return result;
}

}  // namespace portfolio::parity
