#include "risk_parity_bounded.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "blas.hpp"
#include "risk_parity_solver.hpp"
#include "vector_kernels.hpp"

namespace portfolio::parity {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int kSweeps = 10;           // before each attempt of Newton's method
constexpr double kNear = 0.1;         // residual at which Newton's method is tried
constexpr int kSearches = 200;        // values of lambda
constexpr double kSum = 1e-14;        // what the sum of the weights may be off by, an asset
constexpr double kFar = 1e12;         // lambda beyond the start by which there is no answer above
constexpr double kVanishing = 1e-5;   // and below it: names off their bounds would have no share to speak of
constexpr double kLost = 1e-4;        // relative error of contributions that only rounding explains
constexpr double kNearSum = 1e-12;    // sum accepted where rounding stops the search
constexpr double kLargestStep = 0.9;  // share of itself by which a weight may fall in a prediction

}  // namespace

Bounded::Bounded(MatrixView covariance, const RiskParityOptions& options)
    : options_(options),
      n_(covariance.rows),
      b_(n_, 1.0),
      lower_(n_),
      upper_(n_, kInfinity),
      y_(n_),
      g_(n_),
      kept_(n_) {
  correlate(covariance, C_, sigma_);
  if (options.budgets) std::copy_n(options.budgets.data, n_, b_.begin());
  const double total = std::accumulate(b_.begin(), b_.end(), 0.0);
  unit_ = *std::max_element(sigma_.begin(), sigma_.end());
  for (std::size_t i = 0; i < n_; ++i) {
    b_[i] /= total;
    sigma_[i] /= unit_;
    if (options.lower) lower_[i] = sigma_[i] * options.lower[i];
    if (options.upper) upper_[i] = sigma_[i] * options.upper[i];
  }
}

void Bounded::multiply() { vectors().multiply(n_, n_, C_.data.data(), y_.data(), g_.data()); }

Bounded::Side Bounded::side(std::size_t i) const {
  const double slope = y_[i] * g_[i] - lambda_ * b_[i];
  if (y_[i] <= lower_[i] && slope >= 0.0) return Side::lower;
  return y_[i] >= upper_[i] && slope <= 0.0 ? Side::upper : Side::free;
}

// Largest relative error of a contribution among names that no bound holds.
double Bounded::residual() const {
  double worst = 0.0;
  for (std::size_t i = 0; i < n_; ++i) {
    if (side(i) != Side::free) continue;
    const double error = std::fabs(y_[i] * g_[i] / (lambda_ * b_[i]) - 1.0);
    if (!(error <= worst)) worst = error;
  }
  return worst;
}

double Bounded::excess() const {
  double sum = -1.0;
  for (std::size_t i = 0; i < n_; ++i) sum += y_[i] / sigma_[i];
  return sum;
}

// Exact minimisation along each coordinate within its bounds: y_i^2 + a y_i - lambda b_i = 0.
void Bounded::sweep() {
  const VectorKernels& v = vectors();
  for (std::size_t i = 0; i < n_; ++i) {
    const double a = g_[i] - y_[i], b = lambda_ * b_[i];
    const double root = std::sqrt(a * a + 4.0 * b);
    const double best = a > 0.0 ? 2.0 * b / (a + root) : 0.5 * (root - a);
    const double next = std::min(std::max(best, lower_[i]), upper_[i]);
    if (next != y_[i]) v.add(n_, next - y_[i], &C_.data[i * n_], g_.data());
    y_[i] = next;
  }
}

// With H = Y C Y / lambda b + I over the free names, in units of sqrt(lambda b): Newton's relative step, and the
// relative change of each weight with log lambda.
void Bounded::factorise() {
  free_.clear();
  for (std::size_t i = 0; i < n_; ++i) {
    if (side(i) == Side::free) free_.push_back(i);
  }
  const std::size_t k = free_.size();
  H_ = Matrix(k, k);
  step_.resize(k);
  drift_.resize(k);
  for (std::size_t p = 0; p < k; ++p) {
    const std::size_t i = free_[p];
    const double root = std::sqrt(lambda_ * b_[i]);
    for (std::size_t q = p; q < k; ++q) {
      const std::size_t j = free_[q];
      H_(p, q) = y_[i] / root * C_(i, j) * (y_[j] / std::sqrt(lambda_ * b_[j]));
    }
    H_(p, p) += 1.0;
    step_[p] = root - y_[i] * g_[i] / root;
    drift_[p] = root;
  }
  const int size = static_cast<int>(k);
  const bool sound = size == 0 || blas::potrf(size, H_.data.data(), size) == 0;
  for (auto* side : {&step_, &drift_}) {
    if (sound && size > 0) blas::potrs(size, 1, H_.data.data(), size, side->data(), size);
    for (std::size_t p = 0; p < k; ++p) (*side)[p] = sound ? (*side)[p] / std::sqrt(lambda_ * b_[free_[p]]) : 0.0;
  }
}

// One step, kept only where it halves the residual; sweeps converge where it does not.
bool Bounded::newton() {
  const double before = residual();
  factorise();
  kept_ = y_;
  double backward = 0.0;
  for (const double s : step_) backward = std::max(backward, -s);
  for (std::size_t p = 0; p < free_.size(); ++p) {
    const std::size_t i = free_[p];
    y_[i] = std::min(std::max(y_[i] * (1.0 + step_[p] / (1.0 + backward)), lower_[i]), upper_[i]);
  }
  multiply();
  if (residual() <= 0.5 * before) return true;
  y_ = kept_;
  multiply();
  return false;
}

// The minimiser at this lambda; false when the residual stays above the tolerance.
bool Bounded::minimise(int& iterations) {
  const double enough = 0.01 * options_.tolerance;
  int refused = 0;
  while (iterations < options_.max_iterations && refused < 3) {
    options_.interrupt.check("risk_parity");
    for (int k = 0; k < kSweeps && residual() > kNear && iterations < options_.max_iterations; ++k, ++iterations)
      sweep();
    multiply();
    if (residual() <= enough) return true;
    const bool better = newton();
    ++iterations;
    refused = better ? 0 : refused + 1;
    for (int k = 0; k < kSweeps && !better; ++k, ++iterations) sweep();
  }
  multiply();
  return residual() <= options_.tolerance;
}

// Newton's step in log lambda within the bracket, else its middle; the weights are moved along.
double Bounded::next_lambda(double low, double high, double excess) {
  factorise();
  double slope = 0.0;
  for (std::size_t p = 0; p < free_.size(); ++p) slope += y_[free_[p]] / sigma_[free_[p]] * drift_[p];
  double change = -excess / slope;  // of log lambda
  const double wanted = lambda_ * std::exp(change);
  if (!(slope > 0.0 && std::fabs(change) < 2.0 && wanted > low && wanted < high)) {
    const double middle = high == kInfinity ? 8.0 * lambda_ : low == 0.0 ? lambda_ / 8.0 : std::sqrt(low * high);
    change = std::log(middle / lambda_);
  }
  for (std::size_t p = 0; p < free_.size(); ++p) {
    const std::size_t i = free_[p];
    const double moved = y_[i] * (1.0 + std::max(drift_[p] * change, -kLargestStep));
    y_[i] = std::min(std::max(moved, lower_[i]), upper_[i]);
  }
  multiply();
  return lambda_ * std::exp(change);
}

// True at the answer; else status says what stands in the way.
bool Bounded::search(RiskParityResult& result) {
  double low = 0.0, high = kInfinity;
  const double first = lambda_;
  for (int k = 0; k < kSearches; ++k) {
    const bool found = minimise(result.iterations);
    const double off = excess();
    // Still too much at a scale whose contributions are lost in rounding, or nearly nothing: none is small enough.
    const bool lost = !found && result.iterations < options_.max_iterations && residual() <= kLost;
    const bool vanishing = low == 0.0 && off > 0.0 && (lost || lambda_ < first * kVanishing);
    if (vanishing || lambda_ > first * kFar) {
      result.status = RiskParityStatus::infeasible;
      return false;
    }
    if (!found) {
      if (result.iterations < options_.max_iterations) result.status = RiskParityStatus::rounding_limit;
      return false;
    }
    if (std::fabs(off) <= kSum * static_cast<double>(n_)) return true;
    (off < 0.0 ? low : high) = lambda_;
    if (high / low < 1.0 + 1e-15) break;
    lambda_ = next_lambda(low, high, off);
  }
  result.status = RiskParityStatus::rounding_limit;
  return std::fabs(excess()) <= kNearSum;
}

void Bounded::report(RiskParityResult& r) const {
  double variance = 0.0;
  for (std::size_t i = 0; i < n_; ++i) variance += y_[i] * g_[i];
  const double root = std::sqrt(std::max(variance, 0.0));
  r.volatility = unit_ * root;
  r.budget_scale = root > 0.0 ? unit_ * lambda_ / root : 0.0;
  r.weights.resize(n_);
  r.risk_contributions.resize(n_);
  r.bound_duals.assign(n_, 0.0);
  r.max_error = 0.0;
  for (std::size_t i = 0; i < n_; ++i) {
    const Side held = side(i);
    r.weights[i] = y_[i] / sigma_[i];
    if (options_.lower && held == Side::lower) r.weights[i] = options_.lower[i];
    if (options_.upper && held == Side::upper) r.weights[i] = options_.upper[i];
    r.risk_contributions[i] = root > 0.0 ? unit_ * y_[i] * g_[i] / root : 0.0;
    const double off = lambda_ * b_[i] - y_[i] * g_[i];
    if (held != Side::free) {
      r.bound_duals[i] = root > 0.0 ? unit_ * off / root / r.weights[i] : 0.0;
    } else {
      r.max_error = std::max(r.max_error, std::fabs(off) / variance);
    }
  }
}

RiskParityResult Bounded::solve(const std::vector<double>& start) {
  RiskParityResult result;
  double variance = 0.0;
  for (std::size_t i = 0; i < n_; ++i) {
    y_[i] = sigma_[i] * start[i];
  }
  multiply();
  for (std::size_t i = 0; i < n_; ++i) variance += y_[i] * g_[i];
  lambda_ = std::max(variance, kNoRisk * kNoRisk);
  for (std::size_t i = 0; i < n_; ++i) y_[i] = std::min(std::max(y_[i], lower_[i]), upper_[i]);
  multiply();
  const bool found = search(result);
  report(result);
  if (found && result.max_error <= options_.tolerance) {
    result.status = RiskParityStatus::optimal;
  } else if (indefinite(C_)) {
    result.status = RiskParityStatus::not_psd;
  }
  return result;
}

}  // namespace portfolio::parity
