#include "portfolio/monte_carlo.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>

#include "checks.hpp"
#include "cpu_backend.hpp"
#include "parallel.hpp"
#include "philox.hpp"
#include "sobol.hpp"
#include "step_returns.hpp"
#include "streaming_statistics.hpp"

namespace portfolio {
namespace {

constexpr std::size_t kBlock = 8 * kStrip;  // paths of one block

template <class T>
using Source = std::function<std::unique_ptr<StepReturns<T>>()>;

const StepKernels<float>& steps(float) { return PORTFOLIO_SIMD_CHOOSE(scenario_kernels).steps32; }
const StepKernels<double>& steps(double) { return PORTFOLIO_SIMD_CHOOSE(scenario_kernels).steps64; }

// The paths of one block, strip by strip: a strip's draws, returns and growth stay in the cache.
template <class T>
class Block {
 public:
  Block(const Source<T>& source, VectorView weights, const SimulateOptions& options)
      : source_(source()),
        weights_(weights),
        options_(options),
        holds_(!options.rebalanced && options.horizon > 1),
        returns_(weights.size * kStrip),
        growth_(holds_ ? weights.size * kStrip : 0) {}

  // Terminal values of the strip into `values` (kStrip); the first step's returns into `kept` when it has rows.
  void run(std::size_t first, double* values, Matrix& kept) {
    const StepKernels<T>& kernels = steps(T{});
    std::fill_n(values, kStrip, options_.initial_value);
    if (holds_) std::fill_n(growth_.data(), weights_.size * kStrip, 1.0);
    for (std::size_t t = 0; t < options_.horizon; ++t) {
      if (t % kSteps == kSteps - 1) options_.interrupt.check("simulate");
      source_->step(first, static_cast<std::uint32_t>(t), returns_.data());
      if (t == 0 && kept.rows > 0) keep(first, kept);
      if (holds_) {
        kernels.grow(weights_.size, returns_.data(), growth_.data());
      } else {
        kernels.rebalance(weights_.data, weights_.size, returns_.data(), values);
      }
    }
    if (holds_) kernels.hold(weights_.data, weights_.size, growth_.data(), options_.initial_value, values);
  }

 private:
  static constexpr std::size_t kSteps = 64;  // between two looks at the interrupt

  void keep(std::size_t first, Matrix& kept) const {
    const std::size_t paths = std::min(kStrip, kept.rows - first);
    for (std::size_t p = 0; p < paths; ++p) {
      for (std::size_t i = 0; i < kept.cols; ++i) {
        kept(first + p, i) = static_cast<double>(returns_.data()[i * kStrip + p]);
      }
    }
  }

  std::unique_ptr<StepReturns<T>> source_;
  VectorView weights_;
  const SimulateOptions& options_;
  bool holds_;
  Lines<T> returns_;
  Lines<double> growth_;
};

// Expected terminal value, near which sums are taken.
double expected_value(const std::vector<double>& mean, VectorView weights, const SimulateOptions& options) {
  const auto horizon = static_cast<double>(options.horizon);
  double one_step = 0.0, held = 0.0;
  for (std::size_t i = 0; i < mean.size(); ++i) {
    one_step += weights[i] * mean[i];
    held += weights[i] * (std::pow(1.0 + mean[i], horizon) - 1.0);
  }
  return options.initial_value * (options.rebalanced ? std::pow(1.0 + one_step, horizon) : 1.0 + held);
}

// One round after another until all scenarios are in the statistics; false if these could not be told.
template <class T>
bool run_rounds(const Source<T>& source, VectorView weights, const SimulateOptions& options,
                StreamingStatistics& statistics, SimulateResult& result) {
  std::size_t start = 0;
  for (std::size_t round = statistics.next(); round > 0; round = statistics.next()) {
    std::vector<StreamingStatistics::Part> parts(block_count(round, kBlock));
    parallel_for(parts.size(), [&](std::size_t b) {
      options.interrupt.check("simulate");
      Block<T> block(source, weights, options);
      alignas(64) double values[kBlock];
      const std::size_t first = start + b * kBlock, count = std::min(kBlock, start + round - first);
      for (std::size_t p = 0; p < count; p += kStrip) block.run(first + p, values + p, result.returns);
      if (options.keep_values) std::copy_n(values, count, result.values.data() + first);
      parts[b] = statistics.gather(values, count);
    });
    statistics.add(parts, round);
    start += round;
  }
  return statistics.finish(result);
}

template <class T>
SimulateResult run(const Source<T>& source, VectorView weights, double expected, const SimulateOptions& options) {
  SimulateResult result;
  result.seed = options.seed;
  if (options.keep_values) result.values.resize(options.scenarios);
  if (options.keep_returns) result.returns = Matrix(options.scenarios, weights.size);
  for (const bool narrowing : {true, false}) {
    StreamingStatistics statistics(options, expected, narrowing);
    if (run_rounds(source, weights, options, statistics, result)) return result;
  }
  fail("simulate", "horizon", "values within the range of float64", "values that are not numbers");
}

void check_dimensions(std::size_t rank, const SimulateOptions& options) {
  if (rank > 0 && options.horizon > kSobolDimensions / rank) {
    fail("simulate", "sampling",
         "at most " + std::to_string(kSobolDimensions) + " dimensions of Sobol points (steps x rank of the covariance)",
         std::to_string(options.horizon) + " x " + std::to_string(rank));
  }
  if (options.scenarios > kSobolPoints) {
    fail("simulate", "scenarios", "at most 2^32 Sobol points", std::to_string(options.scenarios));
  }
}

template <class T>
SimulateResult run_model(const ReturnModel& model, VectorView mean, VectorView weights,
                         const SimulateOptions& options) {
  const PackedFactor<T> factor(model);
  const std::vector<double> means(mean.data, mean.data + mean.size);
  std::optional<Sobol> sobol;
  if (options.sampling == Sampling::sobol) {
    check_dimensions(factor.rank(), options);
    sobol.emplace(factor.rank() * options.horizon, options.scramble, options.seed);
  }
  const Source<T> source = [&] { return model_returns(factor, sobol ? &*sobol : nullptr, options); };
  return run(source, weights, expected_value(means, weights, options), options);
}

template <class T>
SimulateResult run_history(MatrixView history, VectorView weights, const SimulateOptions& options) {
  std::vector<double> mean(history.cols, 0.0);
  for (std::size_t t = 0; t < history.rows; ++t) {
    for (std::size_t i = 0; i < history.cols; ++i) mean[i] += history(t, i) / static_cast<double>(history.rows);
  }
  const Source<T> source = [&] { return history_returns<T>(history, options.block_length, options.seed); };
  return run(source, weights, expected_value(mean, weights, options), options);
}

}  // namespace

std::array<std::uint32_t, 4> philox4x32_10(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  const PhiloxBlock out = philox({counter[0], counter[1], counter[2], counter[3]}, key[0], key[1]);
  return {out.x0, out.x1, out.x2, out.x3};
}

Matrix standard_normals(std::uint64_t seed, std::uint64_t first_path, std::size_t paths, std::uint32_t step,
                        std::size_t count, Precision precision) {
  const NormalKernels& kernels = PORTFOLIO_SIMD_CHOOSE(normal_kernels);
  const std::size_t room = (count + kDrawsRound) * kStrip;
  const Lines<float> narrow(room);
  const Lines<double> wide(room);
  Matrix out(paths, count);
  for (std::size_t first = 0; first < paths; first += kStrip) {
    const DrawRange range{seed, first_path + first, step};
    if (precision == Precision::float32) {
      kernels.normals32(range, count, narrow.data());
      std::copy_n(narrow.data(), count * kStrip, wide.data());
    } else {
      kernels.normals64(range, count, wide.data());
    }
    for (std::size_t p = first; p < std::min(paths, first + kStrip); ++p) {
      for (std::size_t k = 0; k < count; ++k) out(p, k) = wide.data()[k * kStrip + p - first];
    }
  }
  return out;
}

SimulateResult CpuBackend::simulate(VectorView mean, MatrixView covariance, VectorView weights,
                                    const SimulateOptions& options) const {
  const ReturnModel model = return_model(mean, covariance, options.distribution);
  return options.precision == Precision::float32 ? run_model<float>(model, mean, weights, options)
                                                 : run_model<double>(model, mean, weights, options);
}

SimulateResult CpuBackend::simulate_bootstrap(MatrixView history, VectorView weights,
                                              const SimulateOptions& options) const {
  return options.precision == Precision::float32 ? run_history<float>(history, weights, options)
                                                 : run_history<double>(history, weights, options);
}

}  // namespace portfolio
