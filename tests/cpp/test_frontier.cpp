#include <cmath>
#include <vector>

#include "check.hpp"
#include "portfolio/frontier.hpp"

using namespace portfolio;

namespace {

struct Case {
  std::vector<double> mu{0.05, 0.03, 0.07, 0.09};
  Matrix Sigma{4, 4};
  std::vector<double> ones = std::vector<double>(4, 1.0), one{1.0}, lb = std::vector<double>(4, 0.0),
                      ub = std::vector<double>(4, 1.0);

  Case() {
    const double volatility[] = {0.15, 0.20, 0.25, 0.30};
    for (std::size_t i = 0; i < 4; ++i) {
      for (std::size_t j = 0; j < 4; ++j) Sigma(i, j) = volatility[i] * volatility[j] * (i == j ? 1.0 : 0.3);
    }
  }

  FrontierProblem problem(std::size_t points) const {
    FrontierProblem p;
    p.mu = view(mu);
    p.Sigma = Sigma.view();
    p.A = {ones.data(), 1, 4};
    p.b = view(one);
    p.lb = view(lb);
    p.ub = view(ub);
    p.points = points;
    return p;
  }
};

void evenly_spaced_from_least_variance_to_highest_return() {
  const Case c;
  const FrontierResult r = efficient_frontier(c.problem(9));
  CHECK(r.status == QpStatus::optimal);
  CHECK(r.max_residual < 1e-9);
  CHECK_NEAR(r.expected_return.back(), 0.09, 1e-12);
  CHECK_NEAR(r.expected_risk.back(), 0.30, 1e-12);
  const double step = (r.expected_return.back() - r.expected_return.front()) / 8.0;
  for (std::size_t k = 0; k + 1 < 9; ++k) {
    CHECK_NEAR(r.expected_return[k + 1] - r.expected_return[k], step, 1e-9);
    CHECK(r.expected_risk[k + 1] > r.expected_risk[k]);
  }
}

void ties_are_broken() {
  Case same_return;
  same_return.mu = {0.05, 0.05, 0.05, 0.05};
  const FrontierResult flat = efficient_frontier(same_return.problem(3));
  CHECK_NEAR(flat.expected_risk.front(), flat.expected_risk.back(), 1e-9);

  Case twins;  // assets 0 and 1 are the same risk: least variance holds the one that returns more
  for (std::size_t j = 0; j < 4; ++j) {
    twins.Sigma(1, j) = twins.Sigma(j, 1) = j < 2 ? twins.Sigma(0, 0) : twins.Sigma(0, j);
  }
  const FrontierResult r = efficient_frontier(twins.problem(3));
  CHECK(r.status == QpStatus::optimal);
  CHECK_NEAR(r.weights(0, 1), 0.0, 1e-9);
  CHECK(r.weights(0, 0) > 0.5);
}

// Between two corners, at any t, the mix of the two is what the quadratic program answers.
void corners_agree_with_the_program() {
  Case c;
  c.ub.assign(4, 0.6);
  const std::vector<double> pair{1.0, 1.0, 0.0, 0.0}, limit{0.45};
  FrontierProblem p = c.problem(5);
  p.G = {pair.data(), 1, 4};
  p.h = view(limit);
  const FrontierResult r = efficient_frontier(p);
  CHECK(r.status == QpStatus::optimal);
  const std::vector<double>& t = r.corner_risk_tolerance;
  CHECK(t.size() >= 3);
  CHECK(t.size() == r.corner_weights.rows && t.size() == r.corner_return.size() &&
        t.size() == r.corner_variance.size());
  CHECK_NEAR(t.back(), 0.0, 0.0);
  for (std::size_t k = 0; k + 1 < t.size(); ++k) {
    CHECK(t[k] > t[k + 1]);
    for (const double share : {0.0, 0.3, 0.9}) {
      std::vector<double> q(4);
      const double at = t[k + 1] + share * (t[k] - t[k + 1]);
      for (std::size_t j = 0; j < 4; ++j) q[j] = -at * c.mu[j];
      const QpResult single = solve_qp({p.Sigma, view(q), p.G, p.h, p.A, p.b, p.lb, p.ub});
      for (std::size_t j = 0; j < 4; ++j) {
        const double low = r.corner_weights(k + 1, j), high = r.corner_weights(k, j);
        CHECK_NEAR(low + share * (high - low), single.x[j], 1e-9);
      }
    }
  }
}

void collapses_to_one_corner() {
  Case pinned;
  pinned.ub.assign(4, 0.25);
  const FrontierResult r = efficient_frontier(pinned.problem(3));
  CHECK(r.status == QpStatus::optimal);
  CHECK(r.corner_risk_tolerance.size() == 1);
  for (std::size_t j = 0; j < 4; ++j) CHECK_NEAR(r.weights(1, j), 0.25, 1e-15);
}

void ends_when_asked_to() {
  const Case c;
  CancelToken token;
  token.cancel();
  FrontierProblem p = c.problem(3);
  p.qp.interrupt.token = &token;
  CHECK(efficient_frontier(p).status == QpStatus::cancelled);
  p.qp.interrupt.token = nullptr;
  p.qp.interrupt.deadline = std::chrono::steady_clock::now();
  CHECK(efficient_frontier(p).status == QpStatus::time_limit);
}

void same_for_any_number_of_threads() {
  const Case c;
  set_num_threads(1);
  const FrontierResult one = efficient_frontier(c.problem(17));
  set_num_threads(3);
  CHECK(efficient_frontier(c.problem(17)).weights.data == one.weights.data);
}

void failures_are_statuses_and_errors() {
  Case empty;
  empty.ub.assign(4, 0.2);
  CHECK(efficient_frontier(empty.problem(3)).status == QpStatus::primal_infeasible);
  const Case c;
  CHECK_THROWS(efficient_frontier(c.problem(1)), "[efficient_frontier] points: expected at least 2, got 1");
  FrontierProblem bad = c.problem(3);
  bad.mu.size = 3;
  CHECK_THROWS(efficient_frontier(bad), "[efficient_frontier] Sigma: expected shape (3, 3)");
}

}  // namespace

int main() {
  evenly_spaced_from_least_variance_to_highest_return();
  ties_are_broken();
  corners_agree_with_the_program();
  collapses_to_one_corner();
  ends_when_asked_to();
  same_for_any_number_of_threads();
  failures_are_statuses_and_errors();
  return check::finish();
}
