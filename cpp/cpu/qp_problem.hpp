// The QP in owned dense form, what is measured on it, and the scaled problem the solvers work on.
#pragma once

#include <Eigen/Dense>
#include <limits>
#include <vector>

#include "portfolio/qp.hpp"

namespace portfolio::qp {

using Vec = Eigen::VectorXd;
using Mat = Eigen::MatrixXd;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// A bound of this size is no bound, as in most solvers.
constexpr double kHuge = 1e19;

// min 1/2 x'Px + q'x, Gx <= h, Ax = b, lb <= x <= ub; nothing is empty but for zero rows.
struct Problem {
  Mat P;
  Vec q;
  Mat G;
  Vec h;
  Mat A;
  Vec b;
  Vec lb, ub;

  Eigen::Index n() const { return q.size(); }
};

struct Solution {
  Vec x, y, z, z_box;
};

// Relative, infinity norms (docs/numerics/qp.md); `gap` is the larger of duality gap and complementarity.
struct Residuals {
  double primal = kInfinity, dual = kInfinity, gap = kInfinity, objective = 0.0;
  double worst() const;
};

Problem copy_problem(const QpProblem& views);
Residuals measure(const Problem& problem, const Solution& at);

// z_box that makes the dual residual zero wherever a finite bound allows it.
Vec box_duals(const Problem& problem, const Vec& gradient);

// On the scaled problem: multipliers that leave no point within the tolerance, a ray that no tolerated dual stops.
bool excludes_points(const Problem& scaled, const Solution& candidate);
bool excludes_duals(const Problem& scaled, const Solution& candidate);

// Turns a candidate into a normalised certificate (value or slope -1) and returns whether multiplication confirms it.
bool confirm_primal_infeasible(const Problem& problem, Solution& candidate);
bool confirm_dual_infeasible(const Problem& problem, Solution& candidate);

}  // namespace portfolio::qp
