#include <benchmark/benchmark.h>

#include <portfolio/frontier.hpp>

#include "data.hpp"

static void frontier(benchmark::State& state) {
  const std::size_t n = state.range(0);
  const bench::Moments data = bench::moments(n);
  const std::vector<double> one(n, 1.0), budget{1.0}, lower(n, 0.0);
  portfolio::FrontierProblem problem;
  problem.mu = portfolio::view(data.mean);
  problem.Sigma = data.covariance.view();
  problem.A = {one.data(), 1, n};
  problem.b = portfolio::view(budget);
  problem.lb = portfolio::view(lower);
  problem.points = 100;
  portfolio::FrontierResult result;
  for (auto _ : state) {
    result = portfolio::efficient_frontier(problem);
    benchmark::DoNotOptimize(result);
  }
  if (result.status != portfolio::QpStatus::optimal) state.SkipWithError("not solved");
  bench::computed_on(state, result.device);
  state.counters["residual"] = result.max_residual;
  bench::rate(state, "points/s", 100);
}
BENCHMARK(frontier)->Arg(10)->Arg(50)->Arg(200)->Arg(500)->ArgName("assets")->Unit(benchmark::kMillisecond);
