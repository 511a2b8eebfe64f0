// Monte Carlo in float32: draws, paths and statistics on the GPU, a chunk of scenarios at a time.
#include <algorithm>
#include <cmath>

#include "attempt.hpp"
#include "chunked_statistics.hpp"
#include "metal_backend.hpp"
#include "paths.hpp"

namespace portfolio::metal {
namespace {

constexpr std::size_t kChunk = std::size_t{1} << 20;  // scenarios in GPU memory: 8 MiB
constexpr double kFewNormals = 0x1p22;                // below the CPU is faster: docs/numerics/monte_carlo.md

// Of the profit per unit of the initial value.
double expected_profit(VectorView mean, VectorView weights, const SimulateOptions& options) {
  const auto steps = static_cast<double>(options.horizon);
  double one_step = 0.0, held = 0.0;
  for (std::size_t i = 0; i < mean.size; ++i) {
    one_step += weights[i] * mean[i];
    held += weights[i] * (std::pow(1.0 + mean[i], steps) - 1.0);
  }
  return options.rebalanced ? std::pow(1.0 + one_step, steps) - 1.0 : held;
}

void keep(const Buffer& profits, std::size_t count, double start, double* values) {
  const auto* pairs = profits.data<float>();
  for (std::size_t p = 0; p < count; ++p) {
    values[p] = start * (1.0 + (static_cast<double>(pairs[2 * p]) + static_cast<double>(pairs[2 * p + 1])));
  }
}

SimulateResult simulate_on_gpu(Gpu& gpu, VectorView mean, MatrixView covariance, VectorView weights,
                               const SimulateOptions& options) {
  SimulateResult result;
  result.seed = options.seed;
  Paths paths(gpu, return_model(mean, covariance, options.distribution), weights, options);
  const Buffer profits = gpu.allocate(std::min(kChunk, options.scenarios) * 2 * sizeof(float));
  std::size_t present = options.scenarios;  // first path of the chunk in `profits`; none yet
  if (options.keep_values) result.values.assign(options.scenarios, 0.0);
  const Chunks chunks = [&](const Visitor& visit) {
    for (std::size_t first = 0; first < options.scenarios; first += kChunk) {
      options.interrupt.check("simulate");
      const std::size_t count = std::min(kChunk, options.scenarios - first);
      if (present != first) {  // counters make the same draws again: no array of all scenarios
        paths.simulate(first, count, profits);
        if (options.keep_values) keep(profits, count, options.initial_value, result.values.data() + first);
      }
      present = first;
      visit(profits, static_cast<std::uint32_t>(count));
    }
  };
  summarise(gpu, chunks, expected_profit(mean, weights, options), options, result);
  if (options.keep_returns) {
    result.returns = Matrix(options.scenarios, mean.size);
    paths.keep_returns(result.returns);
  }
  return result;
}

}  // namespace

SimulateResult MetalBackend::simulate(VectorView mean, MatrixView covariance, VectorView weights,
                                      const SimulateOptions& options) const {
  const auto by_cpu = [&] { return CpuBackend::simulate(mean, covariance, weights, options); };
  if (options.precision == Precision::float64) return on_cpu("the GPU has no float64", by_cpu);
  if (options.sampling == Sampling::sobol) return on_cpu("Sobol points are drawn on the CPU", by_cpu);
  const double normals =
      static_cast<double>(options.scenarios) * static_cast<double>(options.horizon) * static_cast<double>(mean.size);
  if (only_where_faster() && normals < kFewNormals) return on_cpu("too few draws for the GPU", by_cpu);
  try {
    return attempt([&](Gpu& gpu) { return simulate_on_gpu(gpu, mean, covariance, weights, options); }, by_cpu);
  } catch (const OutOfRange& reason) {
    return on_cpu(reason.what(), by_cpu);
  }
}

}  // namespace portfolio::metal
