#include <benchmark/benchmark.h>

#include <portfolio/eigh.hpp>

#include "data.hpp"

static void eigh(benchmark::State& state) {
  const bench::Moments data = bench::moments(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(portfolio::eigh(data.covariance.view()));
}
BENCHMARK(eigh)->Arg(50)->Arg(500)->ArgName("assets")->Unit(benchmark::kMillisecond);

static void nearest_psd(benchmark::State& state) {
  bench::Moments data = bench::moments(state.range(0));
  for (std::size_t i = 0; i < data.covariance.rows; ++i) data.covariance(i, i) *= 0.9;  // no longer a covariance
  for (auto _ : state) benchmark::DoNotOptimize(portfolio::nearest_psd(data.covariance.view()));
}
BENCHMARK(nearest_psd)->Arg(50)->Arg(200)->ArgName("assets")->Unit(benchmark::kMillisecond);
