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
  same_for_any_number_of_threads();
  failures_are_statuses_and_errors();
  return check::finish();
}
