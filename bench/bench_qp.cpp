#include <benchmark/benchmark.h>

#include <portfolio/qp.hpp>

#include "data.hpp"

// Mean-variance utility, fully invested, long only; with eleven sector caps when asked.
static void qp(benchmark::State& state) {
  const std::size_t n = state.range(0), caps = state.range(1);
  const bench::Moments data = bench::moments(n);
  std::vector<double> q(n), one(n, 1.0), budget{1.0}, lower(n, 0.0), upper(n, 0.1), limit(caps, 0.2);
  for (std::size_t i = 0; i < n; ++i) q[i] = -data.mean[i] / 2.5;
  portfolio::Matrix sector(caps, n);
  for (std::size_t i = 0; caps && i < n; ++i) sector(i % caps, i) = 1.0;
  portfolio::QpProblem problem;
  problem.P = data.covariance.view();
  problem.q = portfolio::view(q);
  problem.A = {one.data(), 1, n};
  problem.b = portfolio::view(budget);
  problem.lb = portfolio::view(lower);
  problem.ub = portfolio::view(upper);
  if (caps) {
    problem.G = sector.view();
    problem.h = portfolio::view(limit);
  }
  portfolio::QpResult result;
  for (auto _ : state) {
    result = portfolio::solve_qp(problem);
    benchmark::DoNotOptimize(result);
  }
  if (result.status != portfolio::QpStatus::optimal) state.SkipWithError("not solved");
  state.counters["gap"] = result.gap;
}
BENCHMARK(qp)->ArgsProduct({{50, 500}, {0, 11}})->ArgNames({"assets", "caps"})->Unit(benchmark::kMillisecond);
