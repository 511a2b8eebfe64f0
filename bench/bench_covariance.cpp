#include <benchmark/benchmark.h>

#include "data.hpp"

static void covariance(benchmark::State& state) {
  const std::size_t days = state.range(0), n = state.range(1);
  const portfolio::Matrix observed = bench::returns(days, n);
  portfolio::CovarianceOptions options;
  options.method = static_cast<portfolio::CovarianceMethod>(state.range(2));
  portfolio::CovarianceResult result;
  for (auto _ : state) {
    result = portfolio::covariance(observed.view(), options);
    benchmark::DoNotOptimize(result);
  }
  bench::computed_on(state, result.device);
  bench::rate(state, "GFLOP/s", 1e-9 * static_cast<double>(days * n * (n + 1)));  // half of X'X
}
static constexpr auto sample = static_cast<long>(portfolio::CovarianceMethod::sample);
static constexpr auto ledoit_wolf = static_cast<long>(portfolio::CovarianceMethod::ledoit_wolf);
BENCHMARK(covariance)
    ->ArgsProduct({{1260}, {10, 50, 200, 500}, {sample, ledoit_wolf}})
    ->ArgsProduct({{2520}, {2000}, {sample, ledoit_wolf}})
    ->ArgNames({"days", "assets", "method"})
    ->Unit(benchmark::kMillisecond);
