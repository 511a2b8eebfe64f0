// The interior point method on the other problem forms: factor covariance, trading cost, turnover limit.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <vector>

#include "check.hpp"
#include "portfolio/qp.hpp"
#include "program.hpp"

using namespace portfolio;

namespace {

// P is the dense form of the factors.
struct Universe : Program {
  std::size_t k;
  Matrix B, F;
  std::vector<double> D, held, cost;

  Universe(std::size_t assets, std::size_t factors, unsigned seed)
      : Program(assets, 10.0 / static_cast<double>(assets)), k(factors), B(n, k), F(k, k), D(n), held(n), cost(n) {
    Draws draw(seed);
    for (double& v : B.data) v = draw() - 0.3;
    for (std::size_t i = 0; i < k; ++i) {
      for (std::size_t j = 0; j < k; ++j) F(i, j) = 0.02 * (i == j ? 1.0 : 0.3);
    }
    double total = 0.0;
    for (std::size_t j = 0; j < n; ++j) {
      D[j] = 0.01 + 0.05 * draw();
      q[j] = -0.1 * draw();
      held[j] = draw();
      total += held[j];
      cost[j] = 0.01 * draw();
    }
    for (double& v : held) v /= total;
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        for (std::size_t f = 0; f < k; ++f) {
          for (std::size_t g = 0; g < k; ++g) P(i, j) += B(i, f) * F(f, g) * B(j, g);
        }
      }
      P(i, i) += D[i];
    }
  }

  QpProblem problem(bool by_factors) const {
    QpProblem out = Program::problem();
    if (by_factors) out.factors = {B.view(), F.view(), view(D)}, out.P = {};
    return out;
  }
};

// Stationarity, budget, signs and turnover, from the universe's own numbers; returns the objective.
double check_answer(const Universe& u, const QpResult& r, bool trades, double turnover) {
  CHECK(r.status == QpStatus::optimal);
  if (r.status != QpStatus::optimal) return 0.0;
  CHECK(std::max({r.primal_residual, r.dual_residual, r.gap}) <= 1e-9);
  double sum = 0.0, traded = 0.0, objective = 0.0, worst = 0.0;
  for (std::size_t i = 0; i < u.n; ++i) {
    double slope = u.q[i] + r.y[0] + r.z_box[i] + (trades ? r.z_trade[i] : 0.0), Px = 0.0;
    for (std::size_t j = 0; j < u.n; ++j) Px += u.P(i, j) * r.x[j];
    worst = std::max(worst, std::fabs(slope + Px));
    objective += r.x[i] * (0.5 * Px + u.q[i]);
    sum += r.x[i];
    CHECK(r.x[i] >= 0.0 && r.x[i] <= u.ub[i]);
    if (!trades) continue;
    const double by = r.x[i] - u.held[i], price = u.cost[i] + r.turnover_dual;
    traded += std::fabs(by);
    objective += u.cost[i] * std::fabs(by);
    CHECK(std::fabs(r.z_trade[i]) <= price + 1e-9);
    CHECK(std::fabs(price * std::fabs(by) - r.z_trade[i] * by) <= 1e-9);
  }
  CHECK(trades == !r.z_trade.empty());
  CHECK(worst <= 1e-9);
  CHECK(std::fabs(sum - 1.0) <= 1e-9);
  CHECK(!trades || traded <= turnover + 1e-9);
  CHECK(r.turnover_dual >= 0.0 && std::isfinite(turnover) ? r.turnover_dual * (turnover - traded) <= 1e-9
                                                          : r.turnover_dual == 0.0);
  CHECK(std::fabs(objective - r.objective) <= 1e-9);
  return objective;
}

void factors_and_the_matrix_they_stand_for_agree() {
  for (const std::size_t n : {5, 60, 300}) {
    const Universe u(n, n / 5, 3);
    const double inf = std::numeric_limits<double>::infinity();
    const double dense = check_answer(u, solve_qp(u.problem(false), interior()), false, inf);
    const double factored = check_answer(u, solve_qp(u.problem(true), interior()), false, inf);
    CHECK(std::fabs(dense - factored) <= 1e-9);
  }
}

void cost_and_turnover_in_every_form() {
  for (const std::size_t n : {4, 40, 160}) {
    for (const double turnover : {0.0, 0.05, 0.4, 5.0, std::numeric_limits<double>::infinity()}) {
      double objectives[2];
      for (const bool factors : {false, true}) {
        const Universe u(n, 4, 11);
        QpProblem p = u.problem(factors);
        p.held = view(u.held);
        p.cost = view(u.cost);
        p.turnover = turnover;
        std::vector<double> wide(n, 1.0);
        p.ub = view(wide);
        Universe v = u;
        v.ub = wide;
        objectives[factors] = check_answer(v, solve_qp(p, interior()), true, turnover);
      }
      CHECK(std::fabs(objectives[0] - objectives[1]) <= 1e-9);
    }
  }
}

void too_little_turnover_is_proved() {
  Universe u(20, 3, 5);
  std::fill(u.held.begin(), u.held.end(), 0.0);
  u.held[0] = 1.0;  // but at most half of the whole may be held
  QpProblem p = u.problem(true);
  p.held = view(u.held);
  p.turnover = 0.1;
  const QpResult r = solve_qp(p, interior());
  CHECK(r.status == QpStatus::primal_infeasible);
  double value = r.y[0] + 0.1 * r.turnover_dual;
  for (std::size_t j = 0; j < u.n; ++j) {
    CHECK(std::fabs(r.y[0] + r.z_box[j] + r.z_trade[j]) <= 1e-9);
    CHECK(std::fabs(r.z_trade[j]) <= r.turnover_dual + 1e-12);
    value += u.held[j] * r.z_trade[j] + u.ub[j] * std::max(r.z_box[j], 0.0);
  }
  CHECK(std::fabs(value + 1.0) <= 1e-9);
}

void thousands_of_assets_need_no_matrix() {
  const std::size_t n = 5000, k = 50;
  Universe small(50, k, 2);
  Matrix B(n, k);
  std::vector<double> D(n), q(n), lb(n, 0.0), held(n, 1.0 / static_cast<double>(n)), cost(n, 1e-3), b{1.0};
  for (std::size_t i = 0; i < n * k; ++i) B.data[i] = std::sin(0.7 * static_cast<double>(i * i % 10007));
  for (std::size_t i = 0; i < n; ++i) {
    D[i] = 0.02 + 0.01 * std::cos(static_cast<double>(i));
    q[i] = -0.05 * std::fabs(std::sin(0.3 * static_cast<double>(i)));
  }
  const Matrix A(1, n, 1.0);
  QpProblem p;
  p.factors = {B.view(), small.F.view(), view(D)};
  p.q = view(q);
  p.A = A.view();
  p.b = view(b);
  p.lb = view(lb);
  const QpResult plain = solve_qp(p, interior());
  CHECK(plain.status == QpStatus::optimal && plain.polished);
  p.held = view(held);
  p.cost = view(cost);
  const QpResult costly = solve_qp(p, interior());
  CHECK(costly.status == QpStatus::optimal);
  CHECK(costly.objective > plain.objective);
  std::printf("5000 assets, 50 factors: %.2f s, with trading cost %.2f s\n", plain.seconds, costly.seconds);
}

}  // namespace

int main() {
  factors_and_the_matrix_they_stand_for_agree();
  cost_and_turnover_in_every_form();
  too_little_turnover_is_proved();
  thousands_of_assets_need_no_matrix();
  return check::finish();
}
