// From a solved program to a working set whose line is unique.
#include <algorithm>
#include <cmath>

#include "critical_line_walk.hpp"

namespace portfolio::critical_line {
namespace {

constexpr double kZeroDual = 1e-12;  // of the largest: what no row pushes with

// Where each asset starts: on the bound it lies on, the free ones wherever there is a bound.
std::vector<Place> bounds(const Data& data, const QpResult& solved) {
  std::vector<Place> out(data.n(), Place::lower);
  for (std::size_t j = 0; j < data.n(); ++j) {
    const bool below = data.ub[j] - solved.x[j] < solved.x[j] - data.lb[j];
    if (std::isinf(data.lb[j]) || (std::isfinite(data.ub[j]) && below && data.lb[j] < data.ub[j]))
      out[j] = Place::upper;
  }
  return out;
}

// Smallest step > 0 and < 0 that meets a limit, with what meets it.
struct Ratio {
  double up = kNone, down = kNone;
  std::size_t up_index = 0, down_index = 0;

  // `room` to the limit, which changes by `rate` per step.
  void meet(double room, double rate, double noise, std::size_t index) {
    if (std::fabs(rate) <= noise || std::isinf(room)) return;
    const double step = std::max(room, 0.0) / std::fabs(rate);
    if (rate < 0.0 && step < up) up = step, up_index = index;
    if (rate > 0.0 && step < down) down = step, down_index = index;
  }
  bool met() const { return std::isfinite(up) || std::isfinite(down); }
  double step() const { return up <= down ? up : -down; }
  std::size_t index() const { return up <= down ? up_index : down_index; }
};

}  // namespace

Walk::Walk(const Data& data, const Interrupt& interrupt, double t, double scale, const QpResult& solved)
    : data_(&data),
      interrupt_(&interrupt),
      set_(data, bounds(data, solved)),
      refused_(data.n(), 0),
      x_(solved.x),
      t_(t),
      nothing_(1e-11 * scale) {
  ready_ = build(solved) && residual(t) <= kCertified;
}

bool Walk::build(const QpResult& solved) {
  const Rows& rows = data_->rows;
  std::vector<double> y(solved.y);
  y.insert(y.end(), solved.z.begin(), solved.z.end());
  double largest = 0.0;
  for (const double dual : y) largest = std::max(largest, std::fabs(dual));
  for (std::size_t r = 0; r < rows.count(); ++r) {
    const bool on = r < rows.equalities || (std::isfinite(rows.bound[r]) && y[r] > kZeroDual * largest);
    if (on && !set_.activate(r)) return false;
    if (!on) y[r] = 0.0;
  }
  for (std::size_t j = 0; j < data_->n(); ++j) {
    if (!(x_[j] > data_->lb[j] && x_[j] < data_->ub[j])) continue;
    while (!set_.release(j)) {
      if (!make_room(j)) return false;
      if (!(x_[j] > data_->lb[j] && x_[j] < data_->ub[j])) break;
    }
  }
  for (std::size_t step = 0; step <= data_->n() + rows.count(); ++step) {
    if (set_.solve()) return true;
    if (set_.dependent_rows.empty() || !exchange(y)) return false;
  }
  return false;
}

// Asset j depends on the free ones: along that direction nothing changes but the weights, until one meets its bound
// or a row its limit. True when that is done and j is on a bound or can be tried again.
bool Walk::make_room(std::size_t j) {
  const std::vector<double> d = set_.dependence(j);
  const std::vector<std::size_t> free = set_.free();
  std::vector<double> full(data_->n(), 0.0);
  full[j] = 1.0;
  for (std::size_t a = 0; a < free.size(); ++a) full[free[a]] = d[a];
  double size = 0.0;
  for (const double v : full) size = std::max(size, std::fabs(v));
  const double noise = 1e-9 * size;
  Ratio ratio;  // index: asset at its lower bound, n + asset at its upper, 2 n + row
  const std::size_t n = data_->n();
  for (std::size_t i = 0; i < n; ++i) {
    if (full[i] == 0.0) continue;
    ratio.meet(x_[i] - data_->lb[i], full[i], noise, i);
    ratio.meet(data_->ub[i] - x_[i], -full[i], noise, n + i);
  }
  const Rows& rows = data_->rows;
  for (std::size_t r = rows.equalities; r < rows.count(); ++r) {
    if (set_.active(r) || std::isinf(rows.bound[r])) continue;
    double value = 0.0, rate = 0.0, reach = 0.0;
    for (std::size_t e = rows.start[r]; e < rows.start[r + 1]; ++e) {
      value += rows.value[e] * x_[rows.column[e]];
      rate += rows.value[e] * full[rows.column[e]];
      reach = std::max(reach, std::fabs(rows.value[e]));
    }
    ratio.meet(rows.bound[r] - value, -rate, noise * reach, 2 * n + r);
  }
  if (!ratio.met()) return false;
  for (std::size_t i = 0; i < n; ++i) x_[i] += ratio.step() * full[i];
  const std::size_t met = ratio.index();
  if (met >= 2 * n) return set_.activate(met - 2 * n);
  const std::size_t i = met % n;
  const Place bound = met < n ? Place::lower : Place::upper;
  x_[i] = bound == Place::lower ? data_->lb[i] : data_->ub[i];
  i == j ? set_.move(i, bound) : set_.pin(i, bound);
  return true;
}

// The active rows depend on each other on the free assets, so their multipliers can move until an asset's gradient or
// a row's multiplier is zero: that asset becomes free, that row inactive. A row that nothing stops is redundant.
bool Walk::exchange(std::vector<double>& y) {
  const std::vector<double> v = set_.dependent_rows;
  const std::vector<std::size_t> active = set_.rows();
  const std::size_t n = data_->n();
  const Rows& rows = data_->rows;
  std::vector<double> gradient(n), change(n, 0.0);
  for (std::size_t j = 0; j < n; ++j) gradient[j] = -t_ * data_->mu[j];
  for (std::size_t i = 0; i < n; ++i) {
    if (x_[i] == 0.0) continue;
    const double* row = data_->sigma_row(i);
    for (std::size_t j = 0; j < n; ++j) gradient[j] += x_[i] * row[j];
  }
  double reach = 0.0;
  for (std::size_t q = 0; q < active.size(); ++q) {
    const std::size_t r = active[q];
    for (std::size_t e = rows.start[r]; e < rows.start[r + 1]; ++e) {
      gradient[rows.column[e]] += rows.value[e] * y[r];
      if (q < v.size()) change[rows.column[e]] += rows.value[e] * v[q];
      if (q < v.size()) reach = std::max(reach, std::fabs(rows.value[e] * v[q]));
    }
  }
  Ratio ratio;  // index: asset, or n + place in `active`
  for (std::size_t j = 0; j < n; ++j) {
    if (set_.place(j) == Place::free || !(data_->lb[j] < data_->ub[j])) continue;
    const double side = set_.place(j) == Place::lower ? 1.0 : -1.0;
    ratio.meet(side * gradient[j], side * change[j], 1e-9 * reach, j);
  }
  double size = 0.0;
  for (const double value : v) size = std::max(size, std::fabs(value));
  for (std::size_t q = 0; q < v.size(); ++q) {
    if (active[q] >= rows.equalities) ratio.meet(y[active[q]], v[q], 1e-9 * size, n + q);
  }
  if (!ratio.met()) return set_.drop(active[v.size() - 1]);
  for (std::size_t q = 0; q < v.size(); ++q) y[active[q]] += ratio.step() * v[q];
  const std::size_t met = ratio.index();
  return met < n ? set_.release(met) : set_.drop(active[met - n]);
}

}  // namespace portfolio::critical_line
