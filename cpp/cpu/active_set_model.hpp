// Units in which the active set works: cheap diagonals only, so that neither the units of a variable or row nor the
// size of the objective matter. Rows are the equalities, the finite inequalities, and last the turnover limit.
#pragma once

#include <cstddef>
#include <vector>

#include "active_set_hessian.hpp"
#include "portfolio/qp.hpp"

namespace portfolio::active {

class Model {
 public:
  // Keeps views of the problem; nothing n x n is copied.
  void attach(const QpProblem& problem);

  const QpProblem& problem() const { return problem_; }
  const Hessian& hessian() const { return hessian_; }
  int n() const { return n_; }
  int rows() const { return static_cast<int>(rhs_.size()); }
  int equalities() const { return equalities_; }
  // The index of the turnover limit, or -1.
  int turnover() const { return turnover_; }
  bool crossed() const { return crossed_; }
  const double* row(int i) const;                                                     // not for the turnover limit
  std::size_t inequality(int i) const { return inequalities_[at(i - equalities_)]; }  // its place in G

  double lb(int j) const { return lb_[at(j)]; }
  double ub(int j) const { return ub_[at(j)]; }
  double held(int j) const { return problem_.held ? problem_.held[at(j)] : 0.0; }
  bool kinked() const { return static_cast<bool>(problem_.held); }
  double cost(int j) const { return problem_.cost ? problem_.cost[at(j)] : 0.0; }

  // x_j = column(j) * scaled x; row i is multiplied by row_scale(i), the objective by objective_scale().
  double column(int j) const { return column_[at(j)]; }
  double row_scale(int i) const { return row_scale_[at(i)]; }
  double rhs(int i) const { return rhs_[at(i)]; }  // scaled
  double objective_scale() const { return objective_; }
  // The scaled curvature of a single variable.
  double curvature() const { return curvature_; }
  double dual(int i, double scaled) const { return scaled * row_scale(i) / objective_; }

 private:
  static std::size_t at(int i) { return static_cast<std::size_t>(i); }
  void limits();
  void units();
  double typical_size();

  QpProblem problem_;
  Hessian hessian_;
  int n_ = 0, equalities_ = 0, turnover_ = -1;
  bool crossed_ = false;
  std::vector<std::size_t> inequalities_;
  std::vector<double> lb_, ub_, column_, row_scale_, rhs_, work_;
  double objective_ = 1.0, curvature_ = 1.0;
};

}  // namespace portfolio::active
