#include <benchmark/benchmark.h>

#include <portfolio/cvar.hpp>

#include "data.hpp"

// Five years of days, fully invested, long only, at most a tenth each.
static void cvar(benchmark::State& state) {
  const std::size_t days = 1260, n = state.range(0);
  const portfolio::Matrix observed = bench::returns(days, n);
  const std::vector<double> one(n, 1.0), budget{1.0}, lower(n, 0.0), upper(n, 0.1);
  portfolio::CvarProblem problem;
  problem.returns = observed.view();
  problem.A = {one.data(), 1, n};
  problem.b = portfolio::view(budget);
  problem.lb = portfolio::view(lower);
  problem.ub = portfolio::view(upper);
  portfolio::CvarResult result;
  for (auto _ : state) {
    result = portfolio::solve_cvar(problem);
    benchmark::DoNotOptimize(result);
  }
  if (result.status != portfolio::QpStatus::optimal) state.SkipWithError("not solved");
  bench::computed_on(state, result.device);
  bench::rate(state, "scenarios/s", static_cast<double>(days));
  state.counters["gap"] = result.gap;
}
BENCHMARK(cvar)->Arg(20)->Arg(50)->Arg(200)->Arg(500)->ArgName("assets")->Unit(benchmark::kMillisecond);
