#include <benchmark/benchmark.h>

#include "data.hpp"

static void covariance(benchmark::State& state) {
  const portfolio::Matrix observed = bench::returns(1260, state.range(0));
  portfolio::CovarianceOptions options;
  options.method = static_cast<portfolio::CovarianceMethod>(state.range(1));
  portfolio::CovarianceResult result;
  for (auto _ : state) {
    result = portfolio::covariance(observed.view(), options);
    benchmark::DoNotOptimize(result);
  }
  bench::computed_on(state, result.device);
}
static constexpr auto sample = static_cast<long>(portfolio::CovarianceMethod::sample);
static constexpr auto ledoit_wolf = static_cast<long>(portfolio::CovarianceMethod::ledoit_wolf);
BENCHMARK(covariance)
    ->ArgsProduct({{50, 500}, {sample, ledoit_wolf}})
    ->ArgNames({"assets", "method"})
    ->Unit(benchmark::kMillisecond);
