#include "qp_measure.hpp"

#include <algorithm>
#include <cmath>

#include "active_set_loops.hpp"
#include "qp_limits.hpp"

namespace portfolio::qp {
namespace {

double top(const std::vector<double>& v) {
  double out = 0.0;
  for (const double x : v) out = std::max(out, std::fabs(x));
  return out;
}

// Rows of one kind: products, and what their multipliers contribute.
struct Rows {
  double size = 0.0, violation = 0.0, complementarity = 0.0, wrong = 0.0, value = 0.0, dual_size = 0.0;
};

Rows rows_at(MatrixView M, VectorView side, const std::vector<double>& dual, const std::vector<double>& x,
             bool equality, std::vector<double>& rest, std::vector<double>& share) {
  Rows out;
  const int n = static_cast<int>(x.size());
  std::fill(share.begin(), share.end(), 0.0);
  for (std::size_t i = 0; i < M.rows; ++i) {
    const double* a = M.data + i * M.cols;
    const double value = active::loops().dot(n, a, x.data());
    out.size = std::max(out.size, std::fabs(value));
    if (!equality && side[i] >= kHuge) {
      out.wrong = std::max(out.wrong, std::fabs(dual[i]));
      continue;
    }
    const double beyond = value - side[i];
    out.size = std::max(out.size, std::fabs(side[i]));
    out.violation = std::max(out.violation, equality ? std::fabs(beyond) : beyond);
    if (dual[i] == 0.0) continue;
    if (!equality) {
      out.wrong = std::max(out.wrong, -dual[i]);
      out.complementarity = std::max(out.complementarity, std::fabs(dual[i] * beyond));
    }
    out.value += side[i] * dual[i];
    active::axpy(n, dual[i], a, share.data());
  }
  out.dual_size = top(share);
  for (std::size_t j = 0; j < rest.size(); ++j) rest[j] += share[j];
  return out;
}

}  // namespace

double Measured::worst() const { return std::max({primal, dual, gap}); }

void gradient_at(const QpProblem& problem, const active::Hessian& hessian, const std::vector<double>& x,
                 std::vector<double>& out) {
  out.assign(problem.q.data, problem.q.data + problem.q.size);
  hessian.add_product(x.data(), out.data());
}

void measure(const QpProblem& p, const QpResult& s, const std::vector<double>& gradient, Measured& out) {
  const std::size_t n = p.q.size;
  std::vector<double>& rest = out.rest;
  rest.assign(gradient.begin(), gradient.end());
  double quadratic = 0.0, linear = 0.0, curved = 0.0, dual_size = 0.0;
  for (std::size_t j = 0; j < n; ++j) {
    const double Px = gradient[j] - p.q[j];
    curved = std::max(curved, std::fabs(Px));
    dual_size = std::max(dual_size, std::fabs(p.q[j]));
    quadratic += s.x[j] * Px;
    linear += s.x[j] * p.q[j];
  }
  out.share.resize(n);
  const Rows a = rows_at(p.A, p.b, s.y, s.x, true, rest, out.share);
  const Rows g = rows_at(p.G, p.h, s.z, s.x, false, rest, out.share);
  double violation = std::max(a.violation, g.violation), size = std::max(a.size, g.size);
  double wrong = g.wrong, complementarity = g.complementarity, value = a.value + g.value, cost = 0.0, traded = 0.0;
  dual_size = std::max({dual_size, curved, a.dual_size, g.dual_size});
  for (std::size_t j = 0; j < n; ++j) {
    const double low = p.lb && p.lb[j] > -kHuge ? p.lb[j] : -kInfinity;
    const double high = p.ub && p.ub[j] < kHuge ? p.ub[j] : kInfinity;
    violation = std::max({violation, low - s.x[j], s.x[j] - high});
    const double z = s.z_box[j], bound = z > 0.0 ? high : low;
    rest[j] += z;
    if (z == 0.0) continue;
    if (!std::isfinite(bound)) {
      wrong = std::max(wrong, std::fabs(z));
      continue;
    }
    complementarity = std::max(complementarity, std::fabs(z * (bound - s.x[j])));
    value += bound * z;
  }
  if (p.held) {
    for (std::size_t j = 0; j < n; ++j) {
      const double trade = s.x[j] - p.held[j], own = p.cost ? p.cost[j] : 0.0, most = own + s.turnover_dual;
      const double z = s.z_trade[j];
      rest[j] += z;
      traded += std::fabs(trade);
      cost += own * std::fabs(trade);
      wrong = std::max(wrong, std::fabs(z) - most);
      complementarity = std::max(complementarity, std::fabs(most * std::fabs(trade) - z * trade));
      value += p.held[j] * z;
    }
    wrong = std::max(wrong, -s.turnover_dual);
    value += cost;
    if (p.turnover < kHuge) {
      violation = std::max(violation, traded - p.turnover);
      size = std::max({size, traded, p.turnover});
      complementarity = std::max(complementarity, std::fabs(s.turnover_dual * (p.turnover - traded)));
      value += s.turnover_dual * p.turnover;
    } else {
      wrong = std::max(wrong, std::fabs(s.turnover_dual));
    }
  }
  out.objective = 0.5 * quadratic + linear + cost;
  out.total_gap = std::max(std::fabs(quadratic + linear + value), complementarity);
  out.primal = violation / (1.0 + size);
  out.dual = std::max(top(rest), wrong) / (1.0 + dual_size);
  out.gap = out.total_gap / (1.0 + std::fabs(out.objective));
  if (!std::isfinite(out.primal + out.dual + out.gap)) out.primal = out.dual = out.gap = kInfinity;
}

}  // namespace portfolio::qp
