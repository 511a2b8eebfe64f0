// The two phases: to a point within all limits, then to the least objective among those.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "cvar_simplex.hpp"

namespace portfolio::cvar {
namespace {

constexpr std::size_t kNone = static_cast<std::size_t>(-1);
constexpr int kRefactor = 64;  // updates of the inverse between two computations of it, or half its size
constexpr int kLosses = 50;    // pivots that proved too small before the basis is given up
constexpr int kRestarts = 3;

}  // namespace

// Largest distance of a row or a basic column beyond its limits.
double Simplex::violation() const {
  double worst = 0.0;
  for (std::size_t i = 0; i < program_.m + program_.p; ++i) {
    if (place_of_row_[i] == kNone) worst = std::max(worst, i < program_.m ? y_[i] : std::fabs(y_[i]));
  }
  for (const std::size_t j : basis_.columns) {
    worst = std::max({worst, lb_[j] - x_[j], x_[j] - ub_[j]});
  }
  return worst;
}

// The level starts at the quantile of the losses, whose scenario is the first at its kink.
void Simplex::open_phase_two() {
  two_ = true;
  const std::size_t alpha = program_.alpha(), first = program_.m + program_.p;
  x_[alpha] = 0.0;
  recompute_rows();
  std::vector<std::size_t> order(program_.T);
  std::iota(order.begin(), order.end(), first);
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return y_[a] != y_[b] ? y_[a] > y_[b] : a < b; });
  double reached = 0.0;
  std::size_t quantile = order.back();
  for (const std::size_t row : order) {
    reached += program_.weight[row - first];
    if (reached >= 1.0) {
      quantile = row;
      break;
    }
  }
  x_[alpha] = y_[quantile];
  basis_.grow(program_, quantile, alpha);
  place_of_row_[quantile] = basis_.size() - 1;
  basic_[alpha] = 1;
  settle();
}

Outcome Simplex::phase(int max_iterations, const Interrupt& interrupt) {
  int losses = 0;
  while (iterations_ < max_iterations) {
    if (interrupt.requested()) return Outcome::interrupted;
    if (lost_ || since_refactor_ >= std::max(kRefactor, static_cast<int>(basis_.size()) / 2)) {
      if (!basis_.refactor(program_, interrupt)) return interrupt.requested() ? Outcome::interrupted : Outcome::broken;
      settle();
      since_refactor_ = 0;
      if (lost_ && ++losses > kLosses) return Outcome::broken;
      if (lost_) stalled_ = kRefactor;
      lost_ = false;
    }
    if (!two_ && violation() <= kFeasible) {
      restore();
      return Outcome::optimal;
    }
    price();
    Entering entering;
    if (!choose(entering)) {
      if (since_refactor_ > 0) {
        since_refactor_ = std::numeric_limits<int>::max();
        continue;
      }
      if (perturbed_) {
        restore();
        settle();
        continue;
      }
      if (!two_) return Outcome::infeasible;
      if (!choose_superbasic(entering)) return Outcome::optimal;
    }
    find_direction(entering);
    if (!step(entering)) {
      std::fill(direction_.begin(), direction_.end(), 0.0);
      for (std::size_t f = 0; f < basis_.size(); ++f) direction_[basis_.columns[f]] = ratio_[f];
      if (!entering.row) direction_[entering.index] = entering.sign;
      return Outcome::unbounded;
    }
    ++iterations_;
    ++since_refactor_;
  }
  return Outcome::max_iterations;
}

Outcome Simplex::run(VectorView start, int max_iterations, const Interrupt& interrupt) {
  place(start);
  for (int round = 0;; ++round) {
    Outcome found = phase(max_iterations, interrupt);
    if (found != Outcome::optimal) return found;
    open_phase_two();
    found = phase(max_iterations, interrupt);
    if (found != Outcome::optimal || violation() <= kFeasible || round == kRestarts) return found;
    const std::vector<double> reached = x_;
    two_ = false;
    basis_ = {};
    std::fill(place_of_row_.begin(), place_of_row_.end(), kNone);
    std::fill(basic_.begin(), basic_.end(), char(0));
    place({reached.data(), program_.n - 1});
  }
}

std::vector<double> Simplex::multipliers() const {
  std::vector<double> out(program_.row_count(), 0.0);
  for (std::size_t i = 0; i < first_idle(); ++i) {
    const double slope = above_[i] ? high(i) : low(i);
    if (place_of_row_[i] == kNone && std::isfinite(slope)) out[i] = slope;
  }
  for (std::size_t i = 0; i < basis_.size(); ++i) {
    const std::size_t row = basis_.rows[i];
    out[row] = std::min(std::max(pi_[i], low(row)), high(row));
  }
  return out;
}

}  // namespace portfolio::cvar
