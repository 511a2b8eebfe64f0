// Linear systems of the interior point method, condensed to n x n; or to factors and rows where P is no dense matrix.
#pragma once

#include <optional>

#include "qp_problem.hpp"

namespace portfolio::qp {

// All inequalities as one stack C x <= d: rows of G, then finite lower bounds (-x <= -lb), then finite upper bounds.
class Stack {
 public:
  explicit Stack(const Problem& problem);
  Eigen::Index size() const { return d_.size(); }
  const Vec& d() const { return d_; }
  Vec times(const Vec& x) const;             // C x
  Vec transposed_times(const Vec& z) const;  // C'z
  Vec bound_weights(const Vec& w) const;     // diagonal of the bounds' part of C'diag(w)C
  Vec box(const Vec& z) const;               // z_box: upper minus lower multipliers

 private:
  const Problem& p_;
  std::vector<Eigen::Index> lower_, upper_;
  Vec d_;
};

// Lower Cholesky factor of a symmetric matrix whose diagonal is raised, first by the share `relative`, until it exists.
bool factor_raised(const Mat& matrix, double relative, Mat& factor);

// For P = V V' + R with R diagonal (but for the pairs of a split): x is eliminated, and what is factorised has one row
// for each factor and row of A and G: the normal equations of linear programming, stable where every variable has a
// bound or an entry in R.
class RowKkt {
 public:
  static bool suits(const Problem& problem);
  RowKkt(const Problem& problem, const Stack& stack);
  bool factor(const Vec& w);
  void solve(const Vec& rx, const Vec& ry, const Vec& rz, Vec& dx, Vec& dy, Vec& dz) const;

 private:
  void solve_lower(Mat& m) const;  // with the factor of R and the bounds' weights
  void solve_transposed(Vec& v) const;

  const Problem& p_;
  const Stack& stack_;
  Mat K_;  // n x rows: V, A', G'
  Vec w_, root_, link_;
  Mat W_, M_;
};

// [P A' C'; A 0 0; C 0 -diag(w)^-1] [dx; dy; dz] = [rx; ry; rz], refined against this unregularised matrix.
class Kkt {
 public:
  Kkt(const Problem& problem, const Stack& stack);
  bool factor(const Vec& w);
  // Returns the relative residual that refinement reached.
  double solve(const Vec& rx, const Vec& ry, const Vec& rz, Vec& dx, Vec& dy, Vec& dz) const;

 private:
  bool factor_dense();
  void solve_once(const Vec& rx, const Vec& ry, const Vec& rz, Vec& dx, Vec& dy, Vec& dz) const;

  const Problem& p_;
  const Stack& stack_;
  std::optional<RowKkt> rows_;  // in place of what follows
  Mat base_;                    // P + A'A: the second term changes no solution and mends directions that only A sees
  Vec w_;
  Mat H_, Y_, S_;
};

}  // namespace portfolio::qp
