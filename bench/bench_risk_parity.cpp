#include <benchmark/benchmark.h>

#include <portfolio/risk_parity.hpp>

#include "data.hpp"

static void risk_parity(benchmark::State& state) {
  const bench::Moments data = bench::moments(state.range(0));
  portfolio::RiskParityResult result;
  for (auto _ : state) {
    result = portfolio::risk_parity(data.covariance.view());
    benchmark::DoNotOptimize(result);
  }
  if (result.status != portfolio::RiskParityStatus::optimal) state.SkipWithError("not solved");
  bench::computed_on(state, result.device);
  state.counters["error"] = result.max_error;
}
BENCHMARK(risk_parity)->Arg(10)->Arg(50)->Arg(200)->Arg(500)->ArgName("assets")->Unit(benchmark::kMillisecond);
