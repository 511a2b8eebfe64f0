#include <cmath>
#include <random>
#include <thread>

#include "check.hpp"
#include "portfolio/cvar.hpp"

using namespace portfolio;

namespace {

Matrix scenarios(std::size_t T, std::size_t n, unsigned seed) {
  std::mt19937_64 engine(seed);
  std::normal_distribution<double> normal;
  Matrix R(T, n);
  for (std::size_t t = 0; t < T; ++t) {
    const double market = 0.01 * normal(engine);
    for (std::size_t j = 0; j < n; ++j) R(t, j) = market + 0.01 * normal(engine) + 1e-4 * static_cast<double>(j % 7);
  }
  return R;
}

struct LongOnly {
  explicit LongOnly(const Matrix& R) : ones(R.cols, 1.0), zeros(R.cols, 0.0) {
    problem.returns = R.view();
    problem.A = {ones.data(), 1, R.cols};
    problem.b = {ones.data(), 1};
    problem.lb = view(zeros);
    problem.ub = view(ones);
  }
  std::vector<double> ones, zeros;
  CvarProblem problem;
};

void duals_prove_the_answer() {
  for (const std::size_t n : {1u, 3u, 20u, 90u}) {
    const Matrix R = scenarios(60, n, 5);
    const LongOnly given(R);
    const CvarResult r = solve_cvar(given.problem);
    CHECK(r.status == QpStatus::optimal);
    double sum = 0.0, worst = 0.0, budget = 0.0;
    for (std::size_t t = 0; t < 60; ++t) {
      CHECK(r.scenarios[t] >= 0.0 && r.scenarios[t] <= 1.0 / 3.0 + 1e-12);
      sum += r.scenarios[t];
      for (std::size_t j = 0; j < n; ++j) worst -= r.scenarios[t] * R(t, j) * r.x[j];
    }
    CHECK_NEAR(sum, 1.0, 1e-12);
    CHECK_NEAR(worst, r.cvar, 1e-12);
    for (std::size_t j = 0; j < n; ++j) {
      double slope = r.y[0] + r.z_box[j];
      for (std::size_t t = 0; t < 60; ++t) slope -= r.scenarios[t] * R(t, j);
      CHECK_NEAR(slope, 0.0, 1e-12);
      CHECK(r.x[j] >= 0.0 && r.x[j] <= 1.0);
      budget += r.x[j];
    }
    CHECK_NEAR(budget, 1.0, 1e-12);
  }
}

void the_answer_does_not_depend_on_the_number_of_threads() {
  const Matrix R = scenarios(300, 40, 6);
  const LongOnly given(R);
  set_num_threads(1);
  const CvarResult one = solve_cvar(given.problem);
  set_num_threads(4);
  const CvarResult four = solve_cvar(given.problem);
  set_num_threads(std::thread::hardware_concurrency());
  CHECK(one.x == four.x);
  CHECK(one.scenarios == four.scenarios);
}

void without_an_answer_there_is_a_certificate() {
  const Matrix R = scenarios(30, 4, 7);
  LongOnly given(R);
  const std::vector<double> low(4, 0.1);
  given.problem.ub = view(low);  // 4 x 0.1 < 1
  const CvarResult r = solve_cvar(given.problem);
  CHECK(r.status == QpStatus::primal_infeasible);
  double value = r.y[0];
  for (std::size_t j = 0; j < 4; ++j) {
    CHECK_NEAR(r.y[0] + r.z_box[j], 0.0, 1e-12 * std::fabs(r.y[0]));
    value += 0.1 * std::fmax(r.z_box[j], 0.0);
  }
  CHECK_NEAR(value, -1.0, 1e-9);

  Matrix sure(2, 1);
  sure(0, 0) = sure(1, 0) = 0.01;  // gains in every scenario, without limit
  CvarProblem free;
  free.returns = sure.view();
  const CvarResult ray = solve_cvar(free);
  CHECK(ray.status == QpStatus::dual_infeasible);
  CHECK_NEAR(ray.x[0], 100.0, 1e-9);
}

void the_caller_can_end_it() {
  const Matrix R = scenarios(200, 30, 8);
  const LongOnly given(R);
  CancelToken token;
  token.cancel();
  CvarOptions options;
  options.interrupt.token = &token;
  CHECK(solve_cvar(given.problem, options).status == QpStatus::cancelled);
  options.interrupt = {};
  options.interrupt.deadline = std::chrono::steady_clock::now();
  CHECK(solve_cvar(given.problem, options).status == QpStatus::time_limit);
}

}  // namespace

int main() {
  duals_prove_the_answer();
  the_answer_does_not_depend_on_the_number_of_threads();
  without_an_answer_there_is_a_certificate();
  the_caller_can_end_it();
  return check::finish();
}
