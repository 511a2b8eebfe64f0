#include "qp_kkt.hpp"

#include <algorithm>
#include <cmath>

#include "blas.hpp"

namespace portfolio::qp {
namespace {

using Eigen::Index;

constexpr double kRegularisation = 1e-10;  // first try; the scaled matrix has entries of order one
constexpr int kRegularisationTries = 7;
constexpr int kRefinements = 6;
constexpr double kRefined = 1e-13;

int to_int(Index i) { return static_cast<int>(i); }

bool cholesky(Mat& m) { return m.size() == 0 || blas::potrf(to_int(m.rows()), m.data(), to_int(m.rows())) == 0; }

void back_substitute(const Mat& factor, double* rhs, Index columns) {
  if (factor.size() == 0 || columns == 0) return;
  blas::potrs(to_int(factor.rows()), to_int(columns), factor.data(), to_int(factor.rows()), rhs, to_int(factor.rows()));
}

double norm(const Vec& a, const Vec& b, const Vec& c) {
  double out = 0.0;
  for (const Vec* v : {&a, &b, &c}) {
    if (v->size() > 0) out = std::max(out, v->lpNorm<Eigen::Infinity>());
  }
  return out;
}

}  // namespace

Stack::Stack(const Problem& problem) : p_(problem) {
  for (Index j = 0; j < p_.n(); ++j) {
    if (std::isfinite(p_.lb[j])) lower_.push_back(j);
    if (std::isfinite(p_.ub[j])) upper_.push_back(j);
  }
  d_.resize(p_.h.size() + static_cast<Index>(lower_.size() + upper_.size()));
  d_.head(p_.h.size()) = p_.h;
  d_.segment(p_.h.size(), static_cast<Index>(lower_.size())) = -p_.lb(lower_);
  d_.tail(static_cast<Index>(upper_.size())) = p_.ub(upper_);
}

Vec Stack::times(const Vec& x) const {
  Vec out(size());
  out.head(p_.h.size()).noalias() = p_.G * x;
  Index k = p_.h.size();
  for (const Index j : lower_) out[k++] = -x[j];
  for (const Index j : upper_) out[k++] = x[j];
  return out;
}

Vec Stack::transposed_times(const Vec& z) const { return p_.G.transpose() * z.head(p_.h.size()) + box(z); }

Vec Stack::box(const Vec& z) const {
  Vec out = Vec::Zero(p_.n());
  Index k = p_.h.size();
  for (const Index j : lower_) out[j] -= z[k++];
  for (const Index j : upper_) out[j] += z[k++];
  return out;
}

Vec Stack::bound_weights(const Vec& w) const {
  Vec out = Vec::Zero(p_.n());
  Index k = p_.h.size();
  for (const Index j : lower_) out[j] += w[k++];
  for (const Index j : upper_) out[j] += w[k++];
  return out;
}

bool factor_raised(const Mat& matrix, double relative, Mat& factor) {
  const Vec diagonal = matrix.diagonal();
  for (int attempt = 0; attempt <= kRegularisationTries; ++attempt, relative *= 100.0) {
    factor = matrix;
    factor.diagonal() += relative * (diagonal.array() + 1e-3 * diagonal.maxCoeff()).matrix();
    if (cholesky(factor)) return true;
  }
  return false;
}

Kkt::Kkt(const Problem& problem, const Stack& stack) : p_(problem), stack_(stack) {
  if (RowKkt::suits(problem)) {
    rows_.emplace(problem, stack);
    return;
  }
  base_ = problem.P.dense();
  if (p_.b.size() > 0) base_ += p_.A.transpose() * p_.A;
}

bool Kkt::factor(const Vec& w) {
  w_ = w;
  if (!w.allFinite()) return false;
  return rows_ ? rows_->factor(w) : factor_dense();
}

bool Kkt::factor_dense() {
  const Index n = p_.n(), m = p_.h.size(), p = p_.b.size();
  const Mat weighted = p_.G.transpose() * w_.head(m).cwiseSqrt().asDiagonal();
  const Vec bounds = stack_.bound_weights(w_);
  double shift = kRegularisation;
  for (int attempt = 0;; ++attempt, shift *= 30.0) {
    H_ = base_;
    if (m > 0 && n > 0) {  // every variable may be fixed
      blas::syrk_lower(to_int(n), to_int(m), 1.0, weighted.data(), to_int(n), 1.0, H_.data(), to_int(n));
    }
    H_.diagonal() += bounds;
    H_.diagonal().array() += shift;
    H_.diagonal() *= 1.0 + 1e-15;
    if (cholesky(H_)) break;
    if (attempt == kRegularisationTries) return false;
  }
  if (p == 0) return true;
  Y_ = p_.A.transpose();
  back_substitute(H_, Y_.data(), p);
  Mat schur(p, p);
  blas::gemm(false, false, to_int(p), to_int(p), to_int(n), 1.0, p_.A.data(), to_int(p), Y_.data(), to_int(n), 0.0,
             schur.data(), to_int(p));
  return factor_raised(schur, 1e-14, S_);
}

void Kkt::solve_once(const Vec& rx, const Vec& ry, const Vec& rz, Vec& dx, Vec& dy, Vec& dz) const {
  if (rows_) return rows_->solve(rx, ry, rz, dx, dy, dz);
  dx = rx + stack_.transposed_times(w_.cwiseProduct(rz));
  dy = Vec::Zero(ry.size());
  if (ry.size() > 0) dx += p_.A.transpose() * ry;
  back_substitute(H_, dx.data(), 1);
  if (ry.size() > 0) {
    dy = p_.A * dx - ry;
    back_substitute(S_, dy.data(), 1);
    dx -= Y_ * dy;
  }
  dz = w_.cwiseProduct(stack_.times(dx) - rz);
}

double Kkt::solve(const Vec& rx, const Vec& ry, const Vec& rz, Vec& dx, Vec& dy, Vec& dz) const {
  const double size = norm(rx, ry, rz);
  solve_once(rx, ry, rz, dx, dy, dz);
  Vec ex, ey, ez, cx, cy, cz;
  const auto residual = [&] {
    ex = rx - p_.P * dx - p_.A.transpose() * dy - stack_.transposed_times(dz);
    ey = ry - p_.A * dx;
    ez = rz - stack_.times(dx) + dz.cwiseQuotient(w_);
    return norm(ex, ey, ez);
  };
  double error = residual();
  for (int round = 0; round < kRefinements && error > kRefined * size; ++round) {
    solve_once(ex, ey, ez, cx, cy, cz);
    dx += cx;
    dy += cy;
    dz += cz;
    const double before = error;
    error = residual();
    if (error > 0.5 * before) {
      if (error > before) {
        dx -= cx;
        dy -= cy;
        dz -= cz;
        error = before;
      }
      break;
    }
  }
  return size > 0.0 ? error / size : error;
}

}  // namespace portfolio::qp
