// The line of a working set: its equations, solved by the factors and refined on the data.
#include <algorithm>
#include <cmath>

#include "critical_line_set.hpp"

namespace portfolio::critical_line {
namespace {

constexpr double kDependent = 1e-10;  // share of a diagonal below which a pivot is rounding
constexpr double kRefine = 1e-13;     // residual of the line that one more step improves
constexpr double kStanding = 1e-13;   // of a return: what rounding leaves where returns cancel
constexpr std::size_t kFresh = 64;    // updates after which the factor and the held risk are computed anew

double largest(const std::vector<double>& v) {
  double out = 0.0;
  for (const double value : v) out = std::max(out, std::fabs(value));
  return out;
}

}  // namespace

// B_, Y_ and the factor of Y'Y.
bool WorkingSet::schur() {
  const std::size_t k = free_.size(), q = rows_.size();
  const Rows& rows = data_->rows;
  B_.assign(k * q, 0.0);
  for (std::size_t a = 0; a < q; ++a) {
    for (std::size_t e = rows.start[rows_[a]]; e < rows.start[rows_[a] + 1]; ++e) {
      if (place_[rows.column[e]] == Place::free) B_[position_[rows.column[e]] * q + a] = rows.value[e];
    }
  }
  Y_ = B_;
  factor_.forward(Y_.data(), q);
  std::vector<double> S(q * q, 0.0);
  for (std::size_t i = 0; i < k; ++i) {
    const double* y = Y_.data() + i * q;
    for (std::size_t a = 0; a < q; ++a) {
      if (y[a] == 0.0) continue;
      for (std::size_t b = 0; b <= a; ++b) S[a * q + b] += y[a] * y[b];
    }
  }
  schur_.clear();
  for (std::size_t a = 0; a < q; ++a) {
    if (schur_.append(&S[a * q], S[a * q + a], kDependent)) continue;
    dependent_rows.assign(a + 1, 1.0);
    for (std::size_t b = 0; b < a; ++b) dependent_rows[b] = -S[a * q + b];
    schur_.forward(dependent_rows.data(), 1);
    schur_.backward(dependent_rows.data(), 1);
    return false;
  }
  return true;
}

// [Sigma_FF B'; B 0] [x; y] = [x; y] for two right-hand sides side by side.
void WorkingSet::solve_kkt(std::vector<double>& x, std::vector<double>& y) {
  const std::size_t k = free_.size(), q = rows_.size();
  if (augmented_) {
    for (std::size_t i = 0; i < k; ++i) {
      for (std::size_t a = 0; a < q; ++a) {
        const double weight = penalty_[rows_[a]] * B_[i * q + a];
        x[2 * i] += weight * y[2 * a];
        x[2 * i + 1] += weight * y[2 * a + 1];
      }
    }
  }
  factor_.forward(x.data(), 2);
  for (std::size_t a = 0; a < q; ++a) y[2 * a] = -y[2 * a], y[2 * a + 1] = -y[2 * a + 1];
  for (std::size_t i = 0; i < k; ++i) {
    for (std::size_t a = 0; a < q; ++a) {
      y[2 * a] += Y_[i * q + a] * x[2 * i];
      y[2 * a + 1] += Y_[i * q + a] * x[2 * i + 1];
    }
  }
  schur_.forward(y.data(), 2);
  schur_.backward(y.data(), 2);
  for (std::size_t i = 0; i < k; ++i) {
    for (std::size_t a = 0; a < q; ++a) {
      x[2 * i] -= Y_[i * q + a] * y[2 * a];
      x[2 * i + 1] -= Y_[i * q + a] * y[2 * a + 1];
    }
  }
  factor_.backward(x.data(), 2);
}

// s, r and a of the line's x and y.
void WorkingSet::price() {
  const std::size_t n = data_->n(), k = free_.size();
  Line& l = line_;
  l.s0 = held_;
  std::fill(l.s1.begin(), l.s1.end(), 0.0);
  double *s0 = l.s0.data(), *s1 = l.s1.data();
  std::size_t a = 0;
  for (; a + 4 <= k; a += 4) {
    const std::size_t* f = &free_[a];
    const double *p = data_->sigma_row(f[0]), *q = data_->sigma_row(f[1]), *u = data_->sigma_row(f[2]),
                 *v = data_->sigma_row(f[3]);
    const double p0 = l.x0[f[0]], q0 = l.x0[f[1]], u0 = l.x0[f[2]], v0 = l.x0[f[3]];
    const double p1 = l.x1[f[0]], q1 = l.x1[f[1]], u1 = l.x1[f[2]], v1 = l.x1[f[3]];
    for (std::size_t i = 0; i < n; ++i) {
      s0[i] += (p0 * p[i] + q0 * q[i]) + (u0 * u[i] + v0 * v[i]);
      s1[i] += (p1 * p[i] + q1 * q[i]) + (u1 * u[i] + v1 * v[i]);
    }
  }
  for (; a < k; ++a) {
    const double *p = data_->sigma_row(free_[a]), p0 = l.x0[free_[a]], p1 = l.x1[free_[a]];
    for (std::size_t i = 0; i < n; ++i) s0[i] += p0 * p[i], s1[i] += p1 * p[i];
  }
  for (std::size_t i = 0; i < n; ++i) l.r0[i] = s0[i], l.r1[i] = s1[i] - data_->mu[i];
  std::fill(l.m1.begin(), l.m1.end(), 0.0);
  const Rows& rows = data_->rows;
  for (std::size_t r = 0; r < rows.count(); ++r) {
    double value0 = 0.0, value1 = 0.0;
    const double y0 = l.y0[r], y1 = l.y1[r];
    for (std::size_t e = rows.start[r]; e < rows.start[r + 1]; ++e) {
      const std::size_t j = rows.column[e];
      value0 += rows.value[e] * l.x0[j];
      value1 += rows.value[e] * l.x1[j];
      if (active_[r]) {
        l.r0[j] += rows.value[e] * y0;
        l.r1[j] += rows.value[e] * y1;
        l.m1[j] += std::fabs(rows.value[e] * y1);
      }
    }
    l.a0[r] = value0;
    l.a1[r] = value1;
  }
}

// What is missing, with its sign turned, and how large it is relative to what it is a difference of.
double WorkingSet::correction(std::vector<double>& x, std::vector<double>& y) const {
  double worst = 0.0, size = std::max(largest(line_.s0), 1e-300), slope = 1e-300;
  for (const double m : line_.s1) slope = std::max(slope, std::fabs(m));
  for (std::size_t j = 0; j < data_->n(); ++j) slope = std::max(slope, std::fabs(data_->mu[j]));
  for (std::size_t i = 0; i < free_.size(); ++i) {
    x[2 * i] = -line_.r0[free_[i]];
    x[2 * i + 1] = -line_.r1[free_[i]];
    worst = std::max({worst, std::fabs(x[2 * i]) / size, std::fabs(x[2 * i + 1]) / slope});
  }
  const double weights = std::max(largest(line_.x0), 1e-300), steps = std::max(largest(line_.x1), 1e-300);
  for (std::size_t a = 0; a < rows_.size(); ++a) {
    y[2 * a] = data_->rows.bound[rows_[a]] - line_.a0[rows_[a]];
    y[2 * a + 1] = -line_.a1[rows_[a]];
    worst = std::max({worst, std::fabs(y[2 * a]) / weights, std::fabs(y[2 * a + 1]) / steps});
  }
  return worst;
}

// A vertex, or free assets whose returns the rows explain: what is left of the slope is rounding.
void WorkingSet::stand() {
  Line& l = line_;
  bool moves = false;
  for (const std::size_t j : free_) {
    moves = moves || std::fabs(l.s1[j]) > kStanding * (std::fabs(data_->mu[j]) + l.m1[j]);
  }
  if (moves && free_.size() > rows_.size()) return;
  for (std::size_t j = 0; j < data_->n(); ++j) l.r1[j] -= l.s1[j];
  for (auto* v : {&l.x1, &l.s1, &l.a1}) std::fill(v->begin(), v->end(), 0.0);
}

bool WorkingSet::solve() {
  dependent_rows.clear();
  if (updates_ >= kFresh && !refresh()) return false;
  if (!schur()) return false;
  const std::size_t k = free_.size(), q = rows_.size();
  Line& l = line_;
  std::fill(l.x1.begin(), l.x1.end(), 0.0);
  for (std::size_t j = 0; j < data_->n(); ++j) {
    const double bound = place_[j] == Place::lower ? data_->lb[j] : data_->ub[j];
    l.x0[j] = place_[j] == Place::free || std::isinf(bound) ? 0.0 : bound;
  }
  std::fill(l.y0.begin(), l.y0.end(), 0.0);
  std::fill(l.y1.begin(), l.y1.end(), 0.0);
  std::vector<double> x(2 * k), y(2 * q);
  for (std::size_t i = 0; i < k; ++i) x[2 * i] = -held_[free_[i]], x[2 * i + 1] = data_->mu[free_[i]];
  for (std::size_t a = 0; a < q; ++a) {
    double fixed = 0.0;
    for (std::size_t e = data_->rows.start[rows_[a]]; e < data_->rows.start[rows_[a] + 1]; ++e) {
      fixed += data_->rows.value[e] * l.x0[data_->rows.column[e]];
    }
    y[2 * a] = data_->rows.bound[rows_[a]] - fixed;
    y[2 * a + 1] = 0.0;
  }
  double before = kNone;
  for (int step = 0; step < 6; ++step) {
    solve_kkt(x, y);
    for (std::size_t i = 0; i < k; ++i) l.x0[free_[i]] += x[2 * i], l.x1[free_[i]] += x[2 * i + 1];
    for (std::size_t a = 0; a < q; ++a) l.y0[rows_[a]] += y[2 * a], l.y1[rows_[a]] += y[2 * a + 1];
    price();
    const double left = correction(x, y);
    if (left <= kRefine || left > 0.5 * before) break;
    before = left;
  }
  stand();
  return true;
}

}  // namespace portfolio::critical_line
