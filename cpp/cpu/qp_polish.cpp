#include "qp_polish.hpp"

#include <algorithm>
#include <cmath>

#include "blas.hpp"

namespace portfolio::qp {
namespace {

using Eigen::Index;

constexpr int kRounds = 8;       // corrections of the active set
constexpr int kRefinements = 8;  // proximal steps on a rank-deficient reduced Hessian
constexpr double kProximal = 1e-10;
constexpr double kDependent = 1e-11;
constexpr double kRounding = 1e-13;
constexpr double kCarries = 1e-8;  // share of the largest curvature that a diagonal entry needs
constexpr Index kLargest = 3000;   // variables for which an n x n matrix is still formed
constexpr double kExact = 1e-12;   // residuals of this size count as solved

struct ActiveSet {
  std::vector<signed char> bound;  // -1 at lower, +1 at upper, 0 free
  std::vector<char> row;

  bool operator==(const ActiveSet&) const = default;
};

ActiveSet guess(const Problem& p, const InteriorPoint& in) {
  ActiveSet out{std::vector<signed char>(static_cast<std::size_t>(p.n())),
                std::vector<char>(static_cast<std::size_t>(p.h.size()))};
  for (Index j = 0; j < p.n(); ++j) {
    const bool low = in.lower[j] > in.at.x[j] - p.lb[j], high = in.upper[j] > p.ub[j] - in.at.x[j];
    const bool nearer_low = in.at.x[j] - p.lb[j] < p.ub[j] - in.at.x[j];
    out.bound[static_cast<std::size_t>(j)] =
        static_cast<signed char>(low && (!high || nearer_low) ? -1 : (high ? 1 : 0));
  }
  for (Index i = 0; i < p.h.size(); ++i) out.row[static_cast<std::size_t>(i)] = in.at.z[i] > in.slack[i];
  return out;
}

// min 1/2 x'Px + q'x over free variables with the active rows as equalities, started from a reference point so that
// whatever the active set leaves open (flat directions, dependent multipliers) stays as it was there.
class ActiveProblem {
 public:
  ActiveProblem(const Problem& p, const ActiveSet& active) : p_(p) {
    for (Index j = 0; j < p.n(); ++j) {
      (active.bound[static_cast<std::size_t>(j)] == 0 ? free_ : held_).push_back(j);
    }
    for (Index i = 0; i < p.h.size(); ++i) {
      if (active.row[static_cast<std::size_t>(i)] != 0) rows_.push_back(i);
    }
    M_.resize(p.b.size() + static_cast<Index>(rows_.size()), p.n());
    M_.topRows(p.b.size()) = p.A;
    M_.bottomRows(static_cast<Index>(rows_.size())) = p.G(rows_, Eigen::all);
    side_.resize(M_.rows());
    side_.head(p.b.size()) = p.b;
    side_.tail(static_cast<Index>(rows_.size())) = p.h(rows_);
  }

  Solution solve(const ActiveSet& active, const Solution& reference) {
    Solution out = reference;
    for (const Index j : held_) out.x[j] = active.bound[static_cast<std::size_t>(j)] < 0 ? p_.lb[j] : p_.ub[j];
    factor();
    move_to_rows(out.x);
    minimise(out.x);
    multipliers(out, reference);
    return out;
  }

 private:
  void factor() {
    qr_ = Eigen::ColPivHouseholderQR<Mat>(static_cast<Index>(free_.size()), M_.rows());
    qr_.setThreshold(kDependent);
    const bool empty = free_.empty() || M_.rows() == 0;
    if (!empty) qr_.compute(M_(Eigen::all, free_).transpose());
    rank_ = empty ? 0 : qr_.rank();
  }

  // R and its transpose on the independent rows.
  Vec solve_triangle(const Vec& v) const {
    return qr_.matrixR().topLeftCorner(rank_, rank_).triangularView<Eigen::Upper>().solve(v);
  }
  Vec solve_transposed(const Vec& v) const {
    return qr_.matrixR().topLeftCorner(rank_, rank_).triangularView<Eigen::Upper>().transpose().solve(v);
  }

  // Smallest change of the free variables that puts x on the independent active rows; twice, for rounding.
  void move_to_rows(Vec& x) const {
    if (rank_ == 0) return;
    for (int pass = 0; pass < 2; ++pass) {
      const Vec missing = side_ - M_ * x;
      Vec step = Vec::Zero(static_cast<Index>(free_.size()));
      const Vec ordered = qr_.colsPermutation().transpose() * missing;
      step.head(rank_) = solve_transposed(ordered.head(rank_));
      step.applyOnTheLeft(qr_.householderQ());
      x(free_) += step;
    }
  }

  void to_basis(Vec& v) const {
    if (rank_ > 0) v.applyOnTheLeft(qr_.householderQ().adjoint());
  }

  // Newton steps in the space that leaves the active rows alone, as long as each halves what is left of the slope.
  template <class Step>
  void descend(Vec& x, const Step& step) const {
    double before = kInfinity;
    for (int round = 0; round < kRefinements; ++round) {
      Vec slope = (p_.P * x + p_.q)(free_);
      to_basis(slope);
      const double error = slope.tail(slope.size() - rank_).lpNorm<Eigen::Infinity>();
      if (error == 0.0 || error > 0.5 * before) return;
      before = error;
      slope.head(rank_).setZero();
      x(free_) -= step(slope);
    }
  }

  void minimise(Vec& x) const {
    const Index n = static_cast<Index>(free_.size());
    if (n == rank_ || minimise_factored(x) || n > kLargest) return;
    Mat H = p_.P.dense(free_);
    if (rank_ > 0) {
      H.applyOnTheLeft(qr_.householderQ().adjoint());
      H.transposeInPlace();
      H.applyOnTheLeft(qr_.householderQ().adjoint());
    }
    const Index open = n - rank_;
    Mat reduced = H.bottomRightCorner(open, open);
    const double size = reduced.diagonal().maxCoeff();
    if (!(size > kRounding)) return;  // flat: nothing to minimise along
    reduced.diagonal().array() += kProximal * size;
    const int order = static_cast<int>(open);
    if (blas::potrf(order, reduced.data(), order) != 0) return;
    descend(x, [&](Vec& slope) -> Vec& {
      blas::potrs(order, 1, reduced.data(), order, slope.data() + rank_, order);
      if (rank_ > 0) slope.applyOnTheLeft(qr_.householderQ());
      return slope;
    });
  }

  // The same without an n x n matrix, by way of factors and rows; false where the diagonal alone does not carry it.
  bool minimise_factored(Vec& x) const {
    if (p_.P.is_dense()) return false;
    const Quadratic P = p_.P.at(free_);
    if (!(P.rest().minCoeff() > kCarries * P.diagonal().maxCoeff())) return false;
    if (std::any_of(P.mate().begin(), P.mate().end(), [](Index mate) { return mate >= 0; })) return false;
    const Index n = P.size(), k = P.V().cols();
    const Vec root = P.rest().cwiseSqrt();
    Mat W(n, k + rank_);
    W.leftCols(k) = P.V();
    if (rank_ > 0) W.rightCols(rank_) = qr_.householderQ() * Mat::Identity(n, rank_);
    W = root.cwiseInverse().asDiagonal() * W;
    Mat M = W.transpose() * W, factor;
    M.diagonal().head(k).array() += 1.0;
    if (M.size() > 0 && !factor_raised(M, 1e-15, factor)) return false;
    const int rows = static_cast<int>(M.rows());
    descend(x, [&](Vec& slope) -> Vec& {
      if (rank_ > 0) slope.applyOnTheLeft(qr_.householderQ());
      slope = slope.cwiseQuotient(root);
      Vec lambda = W.transpose() * slope;
      if (rows > 0) blas::potrs(rows, 1, factor.data(), rows, lambda.data(), rows);
      slope = (slope - W * lambda).cwiseQuotient(root);
      return slope;
    });
    move_to_rows(x);
    return true;
  }

  void multipliers(Solution& out, const Solution& reference) const {
    const Index p = p_.b.size(), active = static_cast<Index>(rows_.size());
    Vec lambda(p + active);
    lambda.head(p) = reference.y;
    lambda.tail(active) = reference.z(rows_);
    const Vec gradient = p_.P * out.x + p_.q;
    for (int pass = 0; pass < 2 && rank_ > 0; ++pass) {
      Vec missing = -(gradient + M_.transpose() * lambda)(free_);
      to_basis(missing);
      Vec change = Vec::Zero(p + active);
      change.head(rank_) = solve_triangle(missing.head(rank_));
      lambda += Vec(qr_.colsPermutation() * change);
    }
    out.y = lambda.head(p);
    out.z.setZero();
    out.z(rows_) = lambda.tail(active);
    out.z_box.setZero();
    const Vec rest = gradient + M_.transpose() * lambda;
    for (const Index j : held_) out.z_box[j] = -rest[j];
  }

  const Problem& p_;
  std::vector<Index> free_, held_, rows_;
  Mat M_;
  Vec side_;
  Eigen::ColPivHouseholderQR<Mat> qr_;
  Index rank_ = 0;
};

// Multipliers of the wrong sign leave the set, violated and reached limits enter; rounding is set to zero in place.
ActiveSet correct(const Problem& p, ActiveSet active, Solution& s) {
  const double small = kRounding * (1.0 + std::max(s.z_box.size() ? s.z_box.lpNorm<Eigen::Infinity>() : 0.0,
                                                   s.z.size() ? s.z.lpNorm<Eigen::Infinity>() : 0.0));
  const double close = kRounding * (1.0 + s.x.lpNorm<Eigen::Infinity>());
  for (Index j = 0; j < p.n(); ++j) {
    auto& bound = active.bound[static_cast<std::size_t>(j)];
    if (bound == 0) {
      if (p.ub[j] - s.x[j] <= close) bound = 1;  // rounding away from a bound is at the bound
      if (s.x[j] - p.lb[j] <= close) bound = -1;
    } else if (bound * s.z_box[j] < 0.0) {
      if (std::fabs(s.z_box[j]) > small) bound = 0;
      s.z_box[j] = 0.0;
    }
  }
  const Vec Gx = p.G * s.x;
  for (Index i = 0; i < p.h.size(); ++i) {
    auto& row = active.row[static_cast<std::size_t>(i)];
    if (row == 0) {
      if (Gx[i] - p.h[i] > close * 10.0) row = 1;
    } else if (s.z[i] < 0.0) {
      if (s.z[i] < -small) row = 0;
      s.z[i] = 0.0;
    }
  }
  return active;
}

}  // namespace

std::optional<Solution> polish(const Problem& p, const InteriorPoint& interior, const Interrupt& interrupt) {
  if (p.n() == 0) return std::nullopt;
  ActiveSet active = guess(p, interior);
  std::optional<Solution> best;
  double best_error = std::max(kExact, interior.residuals.worst());
  for (int round = 0; round < kRounds && !interrupt.requested(); ++round) {
    Solution candidate = ActiveProblem(p, active).solve(active, interior.at);
    if (!candidate.x.allFinite() || !candidate.z_box.allFinite()) break;
    const ActiveSet next = correct(p, active, candidate);
    const double error = measure(p, candidate).worst();
    if (error <= best_error) {
      best = candidate;
      best_error = std::max(kExact * 1e-2, error);
    }
    if (next == active) break;
    active = next;
  }
  return best;
}

}  // namespace portfolio::qp
