#include <benchmark/benchmark.h>

#include <portfolio/monte_carlo.hpp>

#include "data.hpp"

static void monte_carlo(benchmark::State& state) {
  const std::size_t n = 50;
  const bench::Moments data = bench::moments(n);
  const std::vector<double> weights(n, 1.0 / n);
  portfolio::SimulateOptions options;
  options.scenarios = state.range(0);
  options.horizon = state.range(1);
  options.precision = state.range(2) == 32 ? portfolio::Precision::float32 : portfolio::Precision::float64;
  portfolio::SimulateResult result;
  for (auto _ : state) {
    result = portfolio::simulate(portfolio::view(data.mean), data.covariance.view(), portfolio::view(weights), options);
    benchmark::DoNotOptimize(result);
  }
  bench::computed_on(state, result.device);
  const double steps = static_cast<double>(state.range(0) * state.range(1));
  bench::rate(state, "scenarios/s", static_cast<double>(state.range(0)));
  bench::rate(state, "draws/s", steps * n);
}
BENCHMARK(monte_carlo)
    ->ArgsProduct({{10000, 1000000}, {1}, {32, 64}})
    ->ArgsProduct({{2000, 100000}, {252}, {32, 64}})
    ->ArgNames({"scenarios", "steps", "bits"})
    ->Unit(benchmark::kMillisecond);
