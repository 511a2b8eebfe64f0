// The caller's answer: multipliers in the caller's units, and the residuals that decide whether it is one.
#include <algorithm>
#include <cmath>

#include "active_set.hpp"
#include "qp_limits.hpp"

namespace portfolio::active {

// What stationarity leaves goes to the bound the variable is at, and to the slope of what trading costs.
void ActiveSet::box_and_trade(QpResult& out) {
  const QpProblem& p = model_.problem();
  price();
  for (int j = 0; j < model_.n(); ++j) {
    const double x = x_[at(j)];
    double rest = -reduced_[at(j)];
    if (model_.kinked()) {
      const double most = model_.cost(j) + out.turnover_dual, held = p.held[at(j)];
      const double slope = x > held ? most : x < held ? -most : std::min(std::max(rest, -most), most);
      out.z_trade[at(j)] = slope;
      rest -= slope;
    }
    const bool up = x >= model_.ub(j) && rest > 0.0, down = x <= model_.lb(j) && rest < 0.0;
    const bool fixed = model_.lb(j) == model_.ub(j);
    out.z_box[at(j)] = up || down || fixed ? rest : 0.0;
  }
}

QpResult ActiveSet::answer(QpStatus status) {
  const QpProblem& p = model_.problem();
  QpResult out;
  out.method = QpMethod::active_set;
  out.status = status;
  out.iterations = static_cast<int>(steps_);
  out.x = x_;
  out.y.assign(p.A.rows, 0.0);
  out.z.assign(p.G.rows, 0.0);
  out.z_box.assign(at(model_.n()), 0.0);
  if (p.held) out.z_trade.assign(at(model_.n()), 0.0);
  for (int i = 0; i < model_.rows(); ++i) {
    const double dual = model_.dual(i, core_.price(i));
    if (i == model_.turnover()) {
      out.turnover_dual = std::max(dual, 0.0);
    } else if (i < model_.equalities()) {
      out.y[at(i)] = dual;
    } else {
      out.z[model_.inequality(i)] = std::max(dual, 0.0);
    }
  }
  box_and_trade(out);
  qp::measure(p, out, gradient_, measured_);
  out.objective = measured_.objective;
  out.primal_residual = measured_.primal;
  out.dual_residual = measured_.dual;
  out.gap = measured_.gap;
  out.polished = status == QpStatus::optimal;
  return out;
}

// On the caller's data, and in units in which a small objective (a daily covariance) is no excuse.
bool ActiveSet::certified(const QpResult& out, double tolerance) const {
  if (!(measured_.worst() <= tolerance)) return false;
  double rest = 0.0;
  for (int j = 0; j < model_.n(); ++j) rest = std::max(rest, std::fabs(measured_.rest[at(j)]) * model_.column(j));
  const double scale = model_.objective_scale();
  return rest * scale <= tolerance &&
         measured_.total_gap * scale <= tolerance * (1.0 + std::fabs(out.objective) * scale);
}

}  // namespace portfolio::active
