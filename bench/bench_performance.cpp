#include <benchmark/benchmark.h>

#include <portfolio/performance.hpp>

#include "data.hpp"

static void performance(benchmark::State& state) {
  const std::size_t days = state.range(0);
  const portfolio::Matrix both = bench::returns(2, days);  // row 0: the portfolio, row 1: the benchmark
  portfolio::PerformanceOptions options;
  options.benchmark = {both.data.data() + days, days};
  portfolio::PerformanceResult result{};
  for (auto _ : state) {
    result = portfolio::performance({both.data.data(), days}, options);
    benchmark::DoNotOptimize(result);
  }
  bench::computed_on(state, result.device);
  bench::rate(state, "GB/s", 1e-9 * 16.0 * static_cast<double>(days));
}
BENCHMARK(performance)->Arg(63)->Arg(252)->Arg(2520)->Arg(25200)->ArgName("days")->Unit(benchmark::kMillisecond);
