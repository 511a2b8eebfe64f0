// The QP in owned dense form, what is measured on it, and the scaled problem the solvers work on.
#pragma once

#include <Eigen/Dense>
#include <vector>

#include "portfolio/qp.hpp"
#include "qp_limits.hpp"
#include "qp_quadratic.hpp"

namespace portfolio::qp {

// min 1/2 x'Px + q'x + cost'|x - held|, Gx <= h, Ax = b, lb <= x <= ub, sum |x - held| <= turnover; nothing is empty
// but for zero rows, and held and cost where trading is free.
struct Problem {
  Quadratic P;
  Vec q;
  Mat G;
  Vec h;
  Mat A;
  Vec b;
  Vec lb, ub;
  Vec held{}, cost{};
  double turnover = kInfinity;

  Eigen::Index n() const { return q.size(); }
};

// z_trade and turnover_dual belong to held; empty and 0 without it.
struct Solution {
  Vec x, y, z, z_box;
  Vec z_trade{};
  double turnover_dual = 0.0;
};

// Relative, infinity norms (docs/numerics/qp.md); `gap` is the larger of duality gap and complementarity.
struct Residuals {
  double primal = kInfinity, dual = kInfinity, gap = kInfinity, objective = 0.0;
  double worst() const;
};

// Factors that are not positive semidefinite are std::invalid_argument naming `function`.
Problem copy_problem(const QpProblem& views, const char* function);
Residuals measure(const Problem& problem, const Solution& at);

// z_box that makes the dual residual zero wherever a finite bound allows it.
Vec box_duals(const Problem& problem, const Vec& gradient);

// z_trade that takes as much of the gradient as cost and turnover allow where x is held or on its way to a bound.
Vec trade_duals(const Problem& problem, const Vec& gradient, double turnover_dual);

// On the scaled problem: multipliers that leave no point within the tolerance, a ray that no tolerated dual stops.
bool excludes_points(const Problem& scaled, const Solution& candidate);
bool excludes_duals(const Problem& scaled, const Solution& candidate);

// Turns a candidate into a normalised certificate (value or slope -1) and returns whether multiplication confirms it.
bool confirm_primal_infeasible(const Problem& problem, Solution& candidate);
bool confirm_dual_infeasible(const Problem& problem, Solution& candidate);

}  // namespace portfolio::qp
