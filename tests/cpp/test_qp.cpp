#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "check.hpp"
#include "portfolio/qp.hpp"
#include "program.hpp"

using namespace portfolio;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

// A covariance of n assets from n / 2 + 1 observations: singular, long-only, fully invested.
struct Portfolio : Program {
  explicit Portfolio(std::size_t assets, unsigned seed) : Program(assets, 0.4) {
    Draws draw(seed);
    const std::size_t T = n / 2 + 1;
    Matrix X(T, n);
    for (double& x : X.data) x = 0.02 * (draw() - 0.5);
    for (std::size_t t = 0; t < T; ++t) {
      for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < n; ++j) P(i, j) += X(t, i) * X(t, j);
      }
    }
    for (double& v : q) v = 1e-3 * (draw() - 0.5);
  }
};

void solves_and_reports_what_it_did() {
  for (const std::size_t n : {3, 20, 90}) {
    const Portfolio p(n, 7);
    const QpResult r = solve_qp(p.problem());
    CHECK(r.status == QpStatus::optimal);
    double sum = 0.0, stationarity = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
      CHECK(r.x[i] >= 0.0 && r.x[i] <= 0.4);
      sum += r.x[i];
      double slope = p.q[i] + r.y[0] + r.z_box[i];
      for (std::size_t j = 0; j < n; ++j) slope += p.P(i, j) * r.x[j];
      stationarity = std::max(stationarity, std::fabs(slope));
    }
    CHECK_NEAR(sum, 1.0, 1e-12);
    CHECK(stationarity <= 1e-9);
    CHECK(r.primal_residual <= 1e-9 && r.dual_residual <= 1e-9 && r.gap <= 1e-9);
    CHECK(r.iterations > 0 && r.iterations < 200 && r.seconds > 0.0);
    CHECK(r.device.name == "cpu" && !r.device.reason.empty());
  }
}

void certificates_multiply_out() {
  Portfolio p(6, 3);
  p.ub.assign(6, 0.1);  // six tenths at most
  const QpResult r = solve_qp(p.problem());
  CHECK(r.status == QpStatus::primal_infeasible);
  double value = r.y[0];
  for (std::size_t i = 0; i < 6; ++i) {
    CHECK_NEAR(r.y[0] + r.z_box[i], 0.0, 1e-9);
    value += (r.z_box[i] > 0.0 ? p.ub[i] : p.lb[i]) * r.z_box[i];
  }
  CHECK_NEAR(value, -1.0, 1e-9);

  const std::vector<double> q{-1.0, 1.0}, lb{0.0, 0.0};
  QpProblem open;
  open.q = view(q);
  open.lb = view(lb);
  const QpResult ray = solve_qp(open);
  CHECK(ray.status == QpStatus::dual_infeasible);
  CHECK(ray.x[0] >= 0.0 && ray.x[1] >= 0.0);
  CHECK_NEAR(ray.x[1] - ray.x[0], -1.0, 1e-9);
}

void linear_program_with_an_inequality() {
  const std::vector<double> q{-1.0, -2.0}, G{1.0, 1.0, 1.0, 0.0}, h{1.0, kInf}, lb{0.0, 0.0};
  QpProblem p;
  p.q = view(q);
  p.G = {G.data(), 2, 2};
  p.h = view(h);
  p.lb = view(lb);
  const QpResult r = solve_qp(p);
  CHECK(r.status == QpStatus::optimal && r.polished);
  CHECK(r.x[0] == 0.0);
  CHECK_NEAR(r.x[1], 1.0, 1e-12);
  CHECK_NEAR(r.z[0], 2.0, 1e-12);
  CHECK(r.z[1] == 0.0);
  CHECK_NEAR(r.z_box[0], -1.0, 1e-12);
  CHECK_NEAR(r.objective, -2.0, 1e-12);
}

void batch_is_the_loop_for_any_number_of_threads() {
  std::vector<Portfolio> all;
  for (unsigned k = 0; k < 9; ++k) all.emplace_back(10 + 3 * k, k);
  std::vector<QpProblem> problems;
  for (const Portfolio& p : all) problems.push_back(p.problem());
  for (const std::size_t threads : {1, 2, 4}) {
    set_num_threads(threads);
    const std::vector<QpResult> batch = solve_qp_batch(problems);
    CHECK(batch.size() == problems.size());
    for (std::size_t k = 0; k < problems.size(); ++k) {
      const QpResult alone = solve_qp(problems[k]);
      CHECK(batch[k].x == alone.x && batch[k].y == alone.y && batch[k].z_box == alone.z_box);
      CHECK(batch[k].iterations == alone.iterations);
    }
  }
  CHECK(solve_qp_batch({}).empty());
}

// The eigenvalues of a shared matrix are checked once: the answers, and the complaint, are the same.
void a_shared_matrix_is_a_matrix() {
  const Portfolio one(15, 2);
  std::vector<std::vector<double>> gradients;
  for (int k = 0; k < 6; ++k) {
    gradients.push_back(one.q);
    for (double& v : gradients.back()) v *= 0.3 * k;
  }
  std::vector<QpProblem> problems(gradients.size(), one.problem());
  for (std::size_t k = 0; k < problems.size(); ++k) problems[k].q = view(gradients[k]);
  const std::vector<QpResult> batch = solve_qp_batch(problems);
  for (std::size_t k = 0; k < problems.size(); ++k) CHECK(batch[k].x == solve_qp(problems[k]).x);
  Matrix indefinite = one.P;
  indefinite(2, 2) = -1.0;
  for (std::size_t k = 1; k < problems.size(); ++k) problems[k].P = indefinite.view();
  CHECK_THROWS(solve_qp_batch(problems), "[solve_qp_batch] P: expected a positive semidefinite matrix");
}

void random_limits_end_in_an_answer_or_a_proof() {
  Draws uniform(5);
  const auto draw = [&] { return 2.0 * uniform() - 1.0; };
  int feasible = 0;
  for (int trial = 0; trial < 60; ++trial) {
    const std::size_t n = 2 + static_cast<std::size_t>(trial % 9), m = 1 + static_cast<std::size_t>(trial % 12);
    std::vector<double> q(n), G(m * n), h(m), lb(n, -1.0);
    for (double& v : q) v = draw();
    for (double& v : G) v = draw();
    for (double& v : h) v = draw();
    QpProblem p;
    p.q = view(q);
    p.G = {G.data(), m, n};
    p.h = view(h);
    if (trial % 3 != 0) p.lb = view(lb);
    const QpResult r = solve_qp(p);
    CHECK(r.status == QpStatus::optimal || r.status == QpStatus::primal_infeasible ||
          r.status == QpStatus::dual_infeasible);
    feasible += r.status == QpStatus::optimal ? 1 : 0;
  }
  CHECK(feasible > 5 && feasible < 55);
}

void bad_arguments_are_named() {
  const Portfolio good(4, 1);
  QpProblem p = good.problem();
  p.lb.size = 3;
  CHECK_THROWS(solve_qp(p), "[solve_qp] lb: expected 4 entries");
  p = good.problem();
  p.b = {};
  CHECK_THROWS(solve_qp(p), "[solve_qp] b: expected a vector because A is given");
  Matrix indefinite = good.P;
  indefinite(2, 2) = -1.0;
  p = good.problem();
  p.P = indefinite.view();
  CHECK_THROWS(solve_qp(p), "[solve_qp] P: expected a positive semidefinite matrix");
  CHECK_THROWS(solve_qp_batch({good.problem(), p}), "[solve_qp_batch] P: expected a positive semidefinite matrix");
  QpOptions options;
  options.tolerance = 0.0;
  CHECK_THROWS(solve_qp(good.problem(), options), "[solve_qp] tolerance");
  CHECK_THROWS(solve_qp(QpProblem{}), "[solve_qp] q: expected");
}

}  // namespace

int main() {
  solves_and_reports_what_it_did();
  certificates_multiply_out();
  linear_program_with_an_inequality();
  batch_is_the_loop_for_any_number_of_threads();
  a_shared_matrix_is_a_matrix();
  random_limits_end_in_an_answer_or_a_proof();
  bad_arguments_are_named();
  return check::finish();
}
