#include <benchmark/benchmark.h>

#include <cmath>

#include "qp.hpp"

namespace {

struct Factors {
  portfolio::Matrix B;
  std::vector<double> D, q;
  Factors(std::size_t n, std::size_t k) : B(n, k), D(n), q(n) {
    std::mt19937_64 engine(11);
    std::normal_distribution<double> normal;
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < k; ++j) B(i, j) = 0.2 * normal(engine) / std::sqrt(static_cast<double>(k));
      B(i, 0) = 0.1 + 0.01 * static_cast<double>(i % 16);
      D[i] = 0.01 + 0.005 * static_cast<double>(i % 17);
      q[i] = -(0.05 + 0.3 * B(i, 0) + 0.02 * normal(engine)) / 2.5;
    }
  }
};

}  // namespace

static void qp_factor(benchmark::State& state) {
  const std::size_t n = state.range(0), k = state.range(1);
  const Factors data(n, k);
  const bench::Rows rows(n, 0.05);
  portfolio::QpProblem problem;
  problem.factors = {data.B.view(), {}, portfolio::view(data.D)};
  problem.q = portfolio::view(data.q);
  rows.into(problem);
  bench::time_qp(state, problem);
  bench::rate(state, "GB/s", 8e-9 * static_cast<double>(n * k));  // the loadings, read once
}
BENCHMARK(qp_factor)
    ->Args({1000, 20})
    ->Args({5000, 50})
    ->Args({10000, 100})
    ->ArgNames({"assets", "factors"})
    ->Unit(benchmark::kMillisecond);

// The next problem of a day: expected returns a little different, from the weights of the last one.
static void qp_warm(benchmark::State& state) {
  const std::size_t n = state.range(0);
  const bench::Moments data = bench::moments(n);
  const bench::Rows rows(n, 0.05);
  std::vector<double> q[2] = {std::vector<double>(n), std::vector<double>(n)};
  for (std::size_t i = 0; i < n; ++i) {
    q[0][i] = -data.mean[i] / 2.5;
    q[1][i] = q[0][i] * (i % 2 ? 1.01 : 0.99);
  }
  portfolio::QpProblem problem;
  problem.P = data.covariance.view();
  problem.q = portfolio::view(q[0]);
  rows.into(problem);
  portfolio::QpOptions options;
  options.check_matrix = false;
  std::vector<double> last = portfolio::solve_qp(problem).x;
  options.start = portfolio::view(last);
  std::size_t turn = 0;
  portfolio::QpResult result;
  for (auto _ : state) {
    problem.q = portfolio::view(q[++turn % 2]);
    result = portfolio::solve_qp(problem, options);
    last = result.x;
    options.start = portfolio::view(last);
  }
  if (result.status != portfolio::QpStatus::optimal) state.SkipWithError("not solved");
  bench::computed_on(state, result.device);
  bench::rate(state, "problems/s", 1);
}
BENCHMARK(qp_warm)->Arg(50)->Arg(500)->ArgName("assets")->Unit(benchmark::kMillisecond);

// Trading away from equal weights costs 20 basis points.
static void qp_trading_cost(benchmark::State& state) {
  const std::size_t n = state.range(0);
  const bench::Moments data = bench::moments(n);
  const bench::Rows rows(n, 0.05);
  const std::vector<double> held(n, 1.0 / static_cast<double>(n)), cost(n, 0.002);
  std::vector<double> q(n);
  for (std::size_t i = 0; i < n; ++i) q[i] = -data.mean[i] / 2.5;
  portfolio::QpProblem problem;
  problem.P = data.covariance.view();
  problem.q = portfolio::view(q);
  problem.held = portfolio::view(held);
  problem.cost = portfolio::view(cost);
  rows.into(problem);
  bench::time_qp(state, problem);
  bench::rate(state, "problems/s", 1);
}
BENCHMARK(qp_trading_cost)->Arg(50)->Arg(500)->ArgName("assets")->Unit(benchmark::kMillisecond);
