// Linear systems of the interior point method, dense and condensed to n x n.
#pragma once

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

// [P A' C'; A 0 0; C 0 -diag(w)^-1] [dx; dy; dz] = [rx; ry; rz], refined against this unregularised matrix.
class Kkt {
 public:
  Kkt(const Problem& problem, const Stack& stack);
  bool factor(const Vec& w);
  // Returns the relative residual that refinement reached.
  double solve(const Vec& rx, const Vec& ry, const Vec& rz, Vec& dx, Vec& dy, Vec& dz) const;

 private:
  void solve_once(const Vec& rx, const Vec& ry, const Vec& rz, Vec& dx, Vec& dy, Vec& dz) const;

  const Problem& p_;
  const Stack& stack_;
  Mat base_;  // P + A'A: the second term changes no solution and mends directions that only A sees
  Vec w_;
  Mat H_, Y_, S_;
};

}  // namespace portfolio::qp
