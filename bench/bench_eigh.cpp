#include <benchmark/benchmark.h>

#include <portfolio/eigh.hpp>

#include "data.hpp"

static void eigh(benchmark::State& state) {
  const bench::Moments data = bench::moments(state.range(0));
  portfolio::EighResult result;
  for (auto _ : state) {
    result = portfolio::eigh(data.covariance.view());
    benchmark::DoNotOptimize(result);
  }
  bench::computed_on(state, result.device);
  const double n = static_cast<double>(state.range(0));
  bench::rate(state, "GFLOP/s", 1e-9 * 10 / 3 * n * n * n);  // tridiagonal form and back
}
BENCHMARK(eigh)->Arg(10)->Arg(50)->Arg(200)->Arg(500)->ArgName("assets")->Unit(benchmark::kMillisecond);

static void nearest_psd(benchmark::State& state) {
  bench::Moments data = bench::moments(state.range(0));
  for (std::size_t i = 0; i < data.covariance.rows; ++i) data.covariance(i, i) *= 0.9;  // no longer a covariance
  portfolio::NearestPsdResult result;
  for (auto _ : state) {
    result = portfolio::nearest_psd(data.covariance.view());
    benchmark::DoNotOptimize(result);
  }
  bench::computed_on(state, result.device);
}
BENCHMARK(nearest_psd)->Arg(50)->Arg(200)->ArgName("assets")->Unit(benchmark::kMillisecond);

// Many small matrices at once: what a GPU is for.
static void eigh_batch(benchmark::State& state) {
  const bench::Moments data = bench::moments(state.range(1));
  const std::vector<portfolio::MatrixView> matrices(static_cast<std::size_t>(state.range(0)), data.covariance.view());
  std::vector<portfolio::EighResult> results;
  for (auto _ : state) {
    results = portfolio::eigh_batch(matrices);
    benchmark::DoNotOptimize(results);
  }
  bench::computed_on(state, results.front().device);
}
BENCHMARK(eigh_batch)
    ->Args({1000, 16})
    ->Args({200, 64})
    ->ArgNames({"matrices", "assets"})
    ->Unit(benchmark::kMillisecond);
