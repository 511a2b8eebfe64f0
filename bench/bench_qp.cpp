#include <benchmark/benchmark.h>

#include "qp.hpp"

// Mean-variance utility, fully invested, long only; with eleven sector caps when asked.
static void qp(benchmark::State& state) {
  const std::size_t n = state.range(0), caps = state.range(1);
  const bench::Moments data = bench::moments(n);
  const bench::Rows rows(n, 0.1);
  std::vector<double> q(n), limit(caps, 0.2);
  for (std::size_t i = 0; i < n; ++i) q[i] = -data.mean[i] / 2.5;
  portfolio::Matrix sector(caps, n);
  for (std::size_t i = 0; caps && i < n; ++i) sector(i % caps, i) = 1.0;
  portfolio::QpProblem problem;
  problem.P = data.covariance.view();
  problem.q = portfolio::view(q);
  rows.into(problem);
  if (caps) {
    problem.G = sector.view();
    problem.h = portfolio::view(limit);
  }
  const portfolio::QpResult result = bench::time_qp(state, problem);
  bench::rate(state, "problems/s", 1);
  state.counters["gap"] = result.gap;
}
BENCHMARK(qp)
    ->ArgsProduct({{10, 50, 200, 500, 1000, 2000}, {0, 11}})
    ->ArgNames({"assets", "caps"})
    ->Unit(benchmark::kMillisecond);

// One long-only problem a portfolio, all on one covariance.
static void qp_batch(benchmark::State& state) {
  const std::size_t count = state.range(0), n = state.range(1);
  const bench::Moments data = bench::moments(n);
  const bench::Rows rows(n, 0.1);
  std::vector<double> linear(count * n);
  std::vector<portfolio::QpProblem> problems(count);
  for (std::size_t k = 0; k < count; ++k) {
    for (std::size_t i = 0; i < n; ++i) linear[k * n + i] = -data.mean[(i + k) % n] / 2.5;
    problems[k].P = data.covariance.view();
    problems[k].q = {linear.data() + k * n, n};
    rows.into(problems[k]);
  }
  std::vector<portfolio::QpResult> results;
  for (auto _ : state) {
    results = portfolio::solve_qp_batch(problems);
    benchmark::DoNotOptimize(results);
  }
  for (const auto& result : results) {
    if (result.status != portfolio::QpStatus::optimal) state.SkipWithError("not solved");
  }
  bench::computed_on(state, results.front().device);
  bench::rate(state, "problems/s", static_cast<double>(count));
}
BENCHMARK(qp_batch)
    ->Args({1000, 10})
    ->Args({1000, 50})
    ->Args({100, 200})
    ->ArgNames({"problems", "assets"})
    ->Unit(benchmark::kMillisecond);
