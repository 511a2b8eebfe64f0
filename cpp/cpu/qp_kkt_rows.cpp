#include <cmath>

#include "blas.hpp"
#include "qp_kkt.hpp"

namespace portfolio::qp {
namespace {

using Eigen::Index;

constexpr double kAnchored = 1e-8;  // of the largest curvature
constexpr Index kLargest = 3000;    // variables for which an n x n matrix is still formed
constexpr double kShift = 1e-12;

}  // namespace

bool RowKkt::suits(const Problem& p) {
  if (p.P.is_dense() || p.n() == 0) return false;
  const Index rows = p.P.V().cols() + p.b.size() + p.h.size();
  if (p.n() > kLargest) return true;
  const double enough = kAnchored * p.P.diagonal().maxCoeff();
  for (Index j = 0; j < p.n(); ++j) {
    const bool curved = p.P.rest()[j] > 0.0 && p.P.rest()[j] >= enough;
    if (!curved && !std::isfinite(p.lb[j]) && !std::isfinite(p.ub[j])) return false;
  }
  return 2 * rows <= p.n();
}

RowKkt::RowKkt(const Problem& problem, const Stack& stack) : p_(problem), stack_(stack) {
  const Index k = p_.P.V().cols(), p = p_.b.size(), m = p_.h.size();
  K_.resize(p_.n(), k + p + m);
  K_.leftCols(k) = p_.P.V();
  K_.middleCols(k, p) = p_.A.transpose();
  K_.rightCols(m) = p_.G.transpose();
}

// R + the bounds' weights = L L' with at most one entry of L off the diagonal: that of a pair, in its second row.
bool RowKkt::factor(const Vec& w) {
  w_ = w;
  const Index k = p_.P.V().cols(), m = p_.h.size();
  const Vec weights = stack_.bound_weights(w).array() + kShift;
  const Vec& rest = p_.P.rest();
  root_ = (rest + weights).cwiseSqrt();
  link_ = Vec::Zero(root_.size());
  for (std::size_t j = 0; j < p_.P.mate().size(); ++j) {
    const Index b = static_cast<Index>(j), a = p_.P.mate()[j];
    if (a < 0 || a > b) continue;
    link_[b] = p_.P.between()[b] / root_[a];
    root_[b] = std::sqrt(weights[b] + rest[b] * (weights[a] / (rest[a] + weights[a])));  // nothing cancels
  }
  W_ = K_;
  solve_lower(W_);
  Mat M(W_.cols(), W_.cols());
  if (M.size() == 0) return true;
  const int rows = static_cast<int>(M.rows()), n = static_cast<int>(p_.n());
  blas::syrk(rows, n, 1.0, W_.data(), M.data());
  M.diagonal().head(k).array() += 1.0;
  M.diagonal().tail(m) += w.head(m).cwiseInverse();
  return M.allFinite() && factor_raised(M, 1e-15, M_);
}

void RowKkt::solve_lower(Mat& m) const {
  m = root_.cwiseInverse().asDiagonal() * m;
  for (std::size_t j = 0; j < p_.P.mate().size(); ++j) {
    const Index b = static_cast<Index>(j), a = p_.P.mate()[j];
    if (a >= 0 && a < b) m.row(b) -= (link_[b] / root_[b]) * m.row(a);
  }
}

void RowKkt::solve_transposed(Vec& v) const {
  for (std::size_t j = 0; j < p_.P.mate().size(); ++j) {
    const Index b = static_cast<Index>(j), a = p_.P.mate()[j];
    if (a >= 0 && a < b) v[a] -= link_[b] * (v[b] / root_[b]);
  }
  v = v.cwiseQuotient(root_);
}

void RowKkt::solve(const Vec& rx, const Vec& ry, const Vec& rz, Vec& dx, Vec& dy, Vec& dz) const {
  const Index k = p_.P.V().cols(), p = ry.size(), m = p_.h.size();
  Mat u = rx + stack_.box(w_.cwiseProduct(rz));
  solve_lower(u);
  Vec lambda = W_.transpose() * u;
  lambda.segment(k, p) -= ry;
  lambda.tail(m) -= rz.head(m);
  if (lambda.size() > 0) {
    const int rows = static_cast<int>(lambda.size());
    blas::potrs(rows, 1, M_.data(), rows, lambda.data(), rows);
  }
  dx = u - W_ * lambda;
  solve_transposed(dx);
  dy = lambda.segment(k, p);
  dz = w_.cwiseProduct(stack_.times(dx) - rz);
  dz.head(m) = lambda.tail(m);
}

}  // namespace portfolio::qp
