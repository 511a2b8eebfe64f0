#include "cvar_simplex.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "vector_kernels.hpp"

namespace portfolio::cvar {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::size_t kNone = static_cast<std::size_t>(-1);
constexpr double kDual = 1e-11;          // slope, by the size of the column, that counts as none
constexpr double kPivot = 1e-9;          // rate of a row or column that counts as not moving
constexpr double kWeak = 1e-6;           // pivot, by the largest, that is avoided
constexpr double kTie = 1e-13;           // kinks this near count as one
constexpr double kPerturbation = 1e-11;  // first distance by which kinks that coincide are taken apart
constexpr int kStall = 20;               // steps of no length after which they are
constexpr int kPerturbations = 3;        // times, each ten times as far; from then on the choice is random

}  // namespace

Simplex::Simplex(const Program& program)
    : program_(program),
      shift_(program.shift),
      lb_(program.lb),
      ub_(program.ub),
      x_(program.n),
      y_(program.row_count()),
      gradient_(program.n),
      reduced_(program.n),
      direction_(program.n),
      dy_(program.row_count()),
      place_of_row_(program.row_count(), kNone),
      basic_(program.n, 0),
      above_(program.row_count(), 0) {
  kinks_.reserve(program.row_count());
  crossed_.reserve(program.row_count());
}

double Simplex::low(std::size_t row) const {
  const bool equality = row >= program_.m && row < program_.m + program_.p;
  return equality ? (two_ ? -kInfinity : -1.0) : 0.0;
}

double Simplex::high(std::size_t row) const {
  if (row < program_.m + program_.p) return two_ ? kInfinity : 1.0;
  return two_ ? program_.weight[row - program_.m - program_.p] : 0.0;
}

double Simplex::bend(std::size_t row) const { return high(row) - low(row); }

// Columns at the given point within their bounds, else at the bound nearest to zero; no row at a kink yet.
void Simplex::place(VectorView start) {
  for (std::size_t j = 0; j < program_.n; ++j) {
    const double wanted = start && j + 1 < program_.n ? start[j] : 0.0;
    x_[j] = std::min(std::max(wanted, lb_[j]), ub_[j]);
  }
  x_[program_.alpha()] = 0.0;
  recompute_rows();
  recompute_gradient();
}

std::uint64_t Simplex::random() {
  random_ = random_ * 6364136223846793005u + 1442695040888963407u;
  return random_ >> 33;
}

// Many kinks at one point can make steps of no length without end: each is moved by a tiny distance of its own. The
// limits only widen, and the distances are far below the tolerance.
void Simplex::perturb() {
  restore();
  const double size = kPerturbation * std::pow(10.0, perturbations_++);
  const auto draw = [&] { return size * (1.0 + static_cast<double>(random() % 1000003) / 1000003.0); };
  for (std::size_t i = 0; i < program_.row_count(); ++i) {
    if (i < program_.m || i >= program_.m + program_.p) shift_[i] += draw();
  }
  for (std::size_t j = 0; j < program_.n; ++j) {
    if (!(lb_[j] < ub_[j])) continue;
    const bool at_lower = x_[j] <= lb_[j], at_upper = x_[j] >= ub_[j];
    lb_[j] -= draw();
    ub_[j] += draw();
    if (!basic_[j] && at_lower) x_[j] = lb_[j];
    if (!basic_[j] && at_upper) x_[j] = ub_[j];
  }
  perturbed_ = true;
  stalled_ = 0;
  settle();
}

// Back to the limits as given; the basis stays.
void Simplex::restore() {
  if (!perturbed_) return;
  for (std::size_t j = 0; j < program_.n; ++j) {
    if (basic_[j]) continue;
    if (x_[j] <= lb_[j]) x_[j] = program_.lb[j];
    if (x_[j] >= ub_[j]) x_[j] = program_.ub[j];
  }
  shift_ = program_.shift;
  lb_ = program_.lb;
  ub_ = program_.ub;
  perturbed_ = false;
}

void Simplex::recompute_rows() {
  const std::size_t count = first_idle();
  for (std::size_t i = 0; i < count; ++i) y_[i] = -shift_[i];
  for (std::size_t j = 0; j < program_.n; ++j) {
    if (x_[j] != 0.0) vectors().add(count, x_[j], program_.column(j), y_.data());
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (place_of_row_[i] != kNone) {
      y_[i] = 0.0;
    } else if (std::fabs(y_[i]) > (i < program_.m + program_.p ? kFeasible : kTie)) {  // at a kink either side is right
      above_[i] = y_[i] > 0.0;
    }
  }
}

void Simplex::add_gradient(std::size_t row, double slope) {
  if (slope != 0.0 && std::isfinite(slope)) vectors().add(program_.n, slope, program_.row(row), gradient_.data());
}

void Simplex::recompute_gradient() {
  if (two_) {
    gradient_ = program_.cost;
  } else {
    std::fill(gradient_.begin(), gradient_.end(), 0.0);
  }
  for (std::size_t i = 0; i < first_idle(); ++i) {
    if (place_of_row_[i] == kNone) add_gradient(i, above_[i] ? high(i) : low(i));
  }
}

// Basic columns solve B x = shift - N x_N; then everything that follows from x.
void Simplex::settle() {
  const std::size_t k = basis_.size();
  std::vector<double> rest(k), change(k);
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < k; ++i) {
      const double* row = program_.row(basis_.rows[i]);
      rest[i] = shift_[basis_.rows[i]] - vectors().dot(program_.n, row, x_.data());
    }
    basis_.multiply(rest.data(), change.data());
    for (std::size_t f = 0; f < k; ++f) x_[basis_.columns[f]] += change[f];
  }
  recompute_rows();
  recompute_gradient();
}

// Multipliers of the rows at their kink, B'pi = -g, and the slopes of the columns, g + M'pi.
void Simplex::price() {
  const std::size_t k = basis_.size();
  by_column_.resize(k);
  pi_.resize(k);
  for (std::size_t f = 0; f < k; ++f) by_column_[f] = -gradient_[basis_.columns[f]];
  basis_.multiply_transposed(by_column_.data(), pi_.data());
  reduced_ = gradient_;
  std::size_t i = 0;
  for (; i + 4 <= k; i += 4) {
    const double* rows[4];
    for (std::size_t l = 0; l < 4; ++l) rows[l] = program_.row(basis_.rows[i + l]);
    vectors().add4(program_.n, pi_.data() + i, rows, reduced_.data());
  }
  for (; i < k; ++i) vectors().add(program_.n, pi_[i], program_.row(basis_.rows[i]), reduced_.data());
  for (std::size_t f = 0; f < k; ++f) reduced_[basis_.columns[f]] = 0.0;
}

// The steepest way down by the slope of each column and row; among all of them at random where steps have no length.
bool Simplex::choose(Entering& out) {
  double best = 0.0;
  std::size_t seen = 0;
  const auto offer = [&](bool row, std::size_t index, double sign, double slope, double size) {
    const double score = slope / size;
    ++seen;
    if (stalled_ > kStall) {  // only where taking kinks apart did not help
      if (random() % seen != 0) return;
    } else if (!(score > best)) {
      return;
    }
    best = score;
    out = {row, index, sign, -slope};
  };
  for (std::size_t j = 0; j < program_.n; ++j) {
    if (basic_[j] || (!two_ && j == program_.alpha())) continue;
    const double d = reduced_[j], least = kDual * program_.size[j];
    if (d < -least && x_[j] < ub_[j]) offer(false, j, 1.0, -d, program_.size[j]);
    if (d > least && x_[j] > lb_[j]) offer(false, j, -1.0, d, program_.size[j]);
  }
  const std::size_t k = basis_.size();
  by_row_.assign(k, 0.0);
  for (std::size_t f = 0; f < k; ++f) {
    const double* row = basis_.inverse_row(f);
    const double size = program_.size[basis_.columns[f]];
    for (std::size_t i = 0; i < k; ++i) by_row_[i] += size * size * row[i] * row[i];
  }
  for (std::size_t i = 0; i < k; ++i) {
    const std::size_t row = basis_.rows[i];
    const double up = pi_[i] - high(row), down = low(row) - pi_[i], size = std::sqrt(by_row_[i]);
    if (up > kDual) offer(true, i, 1.0, up, size);
    if (down > kDual) offer(true, i, -1.0, down, size);
  }
  return seen > 0;
}

// Columns left between their bounds cost nothing to move: to the nearest bound, so that the answer is a vertex.
bool Simplex::choose_superbasic(Entering& out) {
  for (std::size_t j = 0; j < program_.n; ++j) {
    if (basic_[j] || x_[j] <= lb_[j] || x_[j] >= ub_[j]) continue;
    const double below = x_[j] - lb_[j], above = ub_[j] - x_[j];
    if (!std::isfinite(std::min(below, above))) continue;
    out = {false, j, below <= above ? -1.0 : 1.0, 0.0};
    return true;
  }
  return false;
}

void Simplex::find_direction(const Entering& entering) {
  const std::size_t k = basis_.size();
  by_row_.resize(k);
  ratio_.resize(k);
  if (entering.row) {
    for (std::size_t f = 0; f < k; ++f) ratio_[f] = entering.sign * basis_.inverse_row(f)[entering.index];
  } else {
    for (std::size_t i = 0; i < k; ++i) by_row_[i] = -entering.sign * program_.row(basis_.rows[i])[entering.index];
    basis_.multiply(by_row_.data(), ratio_.data());
  }
  const std::size_t count = first_idle();
  std::fill_n(dy_.begin(), count, 0.0);
  if (!entering.row) vectors().add(count, entering.sign, program_.column(entering.index), dy_.data());
  std::size_t f = 0;
  for (; f + 4 <= k; f += 4) {
    const double* columns[4];
    for (std::size_t l = 0; l < 4; ++l) columns[l] = program_.column(basis_.columns[f + l]);
    vectors().add4(count, ratio_.data() + f, columns, dy_.data());
  }
  for (; f < k; ++f) vectors().add(count, ratio_[f], program_.column(basis_.columns[f]), dy_.data());
}

// The kinks ahead: finite ones before the nearest wall, and that wall, the strongest pivot of those that tie.
void Simplex::collect(const Entering& entering, double& limit) {
  kinks_.clear();
  const std::size_t k = basis_.size();
  Kink wall{kInfinity, kInfinity, false, kNone, 0.0};
  const auto offer = [&](bool row, std::size_t index, double distance, double rate) {
    const double length = std::max(distance / rate, 0.0);
    if (length > wall.step + kTie || (length > wall.step - kTie && std::fabs(rate) <= std::fabs(wall.pivot))) return;
    wall = {length, kInfinity, row, index, rate};
  };
  for (std::size_t f = 0; f < k; ++f) {
    const std::size_t j = basis_.columns[f];
    if (ratio_[f] > kPivot && ub_[j] < kInfinity) offer(false, f, ub_[j] - x_[j], ratio_[f]);
    if (ratio_[f] < -kPivot && lb_[j] > -kInfinity) offer(false, f, lb_[j] - x_[j], ratio_[f]);
  }
  if (!entering.row) {
    const std::size_t j = entering.index;
    const double range = entering.sign > 0.0 ? ub_[j] - x_[j] : x_[j] - lb_[j];
    if (range < kInfinity) offer(false, k, entering.sign * range, entering.sign);
  }
  const std::size_t walls = two_ ? program_.m + program_.p : 0;
  for (std::size_t i = 0; i < walls; ++i) {
    if (place_of_row_[i] != kNone) continue;
    if (dy_[i] > kPivot) offer(true, i, -y_[i], dy_[i]);
    if (dy_[i] < -kPivot && i >= program_.m) offer(true, i, -y_[i], dy_[i]);
  }
  limit = wall.step;
  for (std::size_t i = walls; i < first_idle(); ++i) {
    const double rate = dy_[i];
    if (above_[i] ? rate > -kPivot : rate < kPivot) continue;
    if (place_of_row_[i] != kNone) continue;
    const double length = std::max(-y_[i] / rate, 0.0);
    if (length < limit) kinks_.push_back({length, bend(i) * std::fabs(rate), true, i, rate});
  }
  std::make_heap(kinks_.begin(), kinks_.end(), std::greater<>{});
  kinks_.push_back(wall);  // last, behind the heap
}

bool Simplex::step(const Entering& entering) {
  double limit = kInfinity;
  collect(entering, limit);
  Kink hit = kinks_.back();
  kinks_.pop_back();
  crossed_.clear();
  double slope = entering.slope;
  const double strongest =
      std::accumulate(kinks_.begin(), kinks_.end(), std::fabs(hit.pivot),
                      [](double best, const Kink& kink) { return std::max(best, std::fabs(kink.pivot)); });
  Kink sound{};  // the last kink passed whose pivot is not weak, and what was crossed before it
  std::size_t crossed_before = 0;
  bool any = false;
  while (!kinks_.empty()) {
    std::pop_heap(kinks_.begin(), kinks_.end(), std::greater<>{});
    const Kink next = kinks_.back();
    kinks_.pop_back();
    slope += next.bend;
    if (slope >= 0.0) {
      hit = next;
      break;
    }
    if (std::fabs(next.pivot) > kWeak * strongest) {
      sound = next;
      crossed_before = crossed_.size();
      any = true;
    }
    crossed_.push_back(next.index);
  }
  if (any && std::fabs(hit.pivot) <= kWeak * strongest) {
    hit = sound;
    crossed_.resize(crossed_before);
  }
  if (hit.index == kNone) return false;
  move(entering, hit.step);
  lost_ = !exchange(entering, hit);
  stalled_ = hit.step > kTie ? 0 : stalled_ + 1;
  if (stalled_ > kStall && perturbations_ < kPerturbations && !lost_) perturb();
  return true;
}

void Simplex::move(const Entering& entering, double length) {
  for (std::size_t f = 0; f < basis_.size(); ++f) x_[basis_.columns[f]] += length * ratio_[f];
  if (!entering.row) x_[entering.index] += length * entering.sign;
  vectors().add(first_idle(), length, dy_.data(), y_.data());
  for (const std::size_t row : crossed_) {
    above_[row] = !above_[row];
    add_gradient(row, above_[row] ? bend(row) : -bend(row));
  }
}

// The entering and the hit item trade places; false when the pivot turns out too small.
bool Simplex::exchange(const Entering& entering, const Kink& hit) {
  const std::size_t k = basis_.size();
  const std::size_t leaving_row = entering.row ? basis_.rows[entering.index] : kNone;
  if (!hit.row) {
    const std::size_t j = hit.index == k ? entering.index : basis_.columns[hit.index];
    x_[j] = hit.pivot > 0.0 ? ub_[j] : lb_[j];
    if (hit.index == k) return true;
    if (entering.row ? !basis_.shrink(entering.index, hit.index)
                     : !basis_.replace_column(program_, hit.index, entering.index)) {
      return false;
    }
    basic_[j] = 0;
  } else {
    if (entering.row ? !basis_.replace_row(program_, entering.index, hit.index)
                     : !basis_.grow(program_, hit.index, entering.index)) {
      return false;
    }
    add_gradient(hit.index, above_[hit.index] ? -high(hit.index) : -low(hit.index));
    y_[hit.index] = 0.0;
  }
  if (entering.row) {
    place_of_row_[leaving_row] = kNone;
    above_[leaving_row] = entering.sign > 0.0;
    add_gradient(leaving_row, entering.sign > 0.0 ? high(leaving_row) : low(leaving_row));
  } else {
    basic_[entering.index] = 1;
  }
  for (std::size_t i = 0; i < basis_.size(); ++i) place_of_row_[basis_.rows[i]] = i;
  return true;
}

}  // namespace portfolio::cvar
