#include "qp_diagnosis.hpp"

#include <cmath>

#include "qp_polish.hpp"
#include "qp_scaling.hpp"

namespace portfolio::qp {
namespace {

using Eigen::Index;

constexpr double kStart = 1e-6, kEnough = 1e-8;
constexpr int kIterations = 100;

// A feasible and bounded linear program: no certificates are asked for.
std::optional<Solution> solve_bounded(const Problem& problem, const Interrupt& interrupt) {
  const Scaling scaling(problem);
  if (scaling.problem().n() == 0) return std::nullopt;
  std::optional<Solution> exact;
  const InteriorCallbacks accept{[&](const InteriorPoint& point) {
                                   exact = polish(scaling.problem(), point, interrupt);
                                   return exact.has_value();
                                 },
                                 [](const Solution&) { return false; }, [](const Solution&) { return false; }};
  const InteriorResult found = interior_point(scaling.problem(), kStart, kEnough, kIterations, accept, interrupt);
  if (exact) return scaling.point(*exact);
  if (found.best.residuals.worst() > kEnough) return std::nullopt;
  return scaling.point(found.best.at);
}

}  // namespace

std::optional<Solution> least_violation(const Problem& p, const Interrupt& interrupt) {
  const Index n = p.n(), m = p.h.size(), e = p.b.size();
  Problem relaxed;  // min t subject to Gx <= h + t, |Ax - b| <= t, the bounds, t >= 0
  relaxed.P = Quadratic::zero(n + 1);
  relaxed.q = Vec::Unit(n + 1, n);
  relaxed.G = Mat::Constant(m + 2 * e, n + 1, -1.0);
  relaxed.G.topLeftCorner(m, n) = p.G;
  relaxed.G.block(m, 0, e, n) = p.A;
  relaxed.G.bottomLeftCorner(e, n) = -p.A;
  relaxed.h.resize(m + 2 * e);
  relaxed.h.head(m) = p.h;
  relaxed.h.segment(m, e) = p.b;
  relaxed.h.tail(e) = -p.b;
  relaxed.A = Mat::Zero(0, n + 1);
  relaxed.b = Vec::Zero(0);
  relaxed.lb = Vec::Zero(n + 1);
  relaxed.lb.head(n) = p.lb;
  relaxed.ub = Vec::Constant(n + 1, kInfinity);
  relaxed.ub.head(n) = p.ub;
  const std::optional<Solution> s = solve_bounded(relaxed, interrupt);
  if (!s) return std::nullopt;
  return Solution{Vec::Zero(n), s->z.segment(m, e) - s->z.tail(e), s->z.head(m), Vec::Zero(n)};
}

std::optional<Solution> steepest_ray(const Problem& p, const Interrupt& interrupt) {
  const Index n = p.n(), e = p.b.size();
  const Mat flat = p.P.is_dense() ? p.P.matrix() : Mat(p.P.V().transpose());
  Problem cone;  // min q'd subject to Pd = 0, Ad = 0, Gd <= 0, -1 <= d <= 1 and the bounds' signs
  cone.P = Quadratic::zero(n);
  cone.q = p.q;
  cone.G = p.G;
  cone.h = Vec::Zero(p.h.size());
  cone.A.resize(e + flat.rows(), n);
  cone.A.topRows(e) = p.A;
  cone.A.bottomRows(flat.rows()) = flat;
  cone.b = Vec::Zero(e + flat.rows());
  cone.lb = p.lb.unaryExpr([](double v) { return std::isfinite(v) ? 0.0 : -1.0; });
  cone.ub = p.ub.unaryExpr([](double v) { return std::isfinite(v) ? 0.0 : 1.0; });
  // A variable of its own curvature stays where it is; so do both of a pair, whose common direction only costs.
  for (Index j = 0; j < n && !p.P.is_dense(); ++j) {
    if (p.P.rest()[j] > 0.0) cone.lb[j] = cone.ub[j] = 0.0;
  }
  return solve_bounded(cone, interrupt);
}

}  // namespace portfolio::qp
