// What the Metal backend leaves to the CPU.
#include "metal_backend.hpp"

#include "attempt.hpp"

namespace portfolio::metal {
namespace {

constexpr const char* kNoKernel = "there is no Metal kernel for it";

}  // namespace

std::string MetalBackend::name() const {
  const Gpu* gpu = Gpu::get();
  return gpu == nullptr ? "no GPU" : gpu->limits().name;
}

NearestPsdResult MetalBackend::nearest_psd(MatrixView matrix, const NearestPsdOptions& options) const {
  return on_cpu(kNoKernel, [&] { return CpuBackend::nearest_psd(matrix, options); });
}

CvarResult MetalBackend::solve_cvar(const CvarProblem& problem, const CvarOptions& options) const {
  return on_cpu(kNoKernel, [&] { return CpuBackend::solve_cvar(problem, options); });
}

SimulateResult MetalBackend::simulate_bootstrap(MatrixView history, VectorView weights,
                                                const SimulateOptions& options) const {
  return on_cpu(kNoKernel, [&] { return CpuBackend::simulate_bootstrap(history, weights, options); });
}

PerformanceResult MetalBackend::performance(VectorView returns, const PerformanceOptions& options) const {
  return on_cpu(kNoKernel, [&] { return CpuBackend::performance(returns, options); });
}

std::vector<PerformanceResult> MetalBackend::performance_batch(MatrixView returns,
                                                               const PerformanceOptions& options) const {
  std::vector<PerformanceResult> results = CpuBackend::performance_batch(returns, options);
  for (PerformanceResult& result : results) result.device = {"cpu", kNoKernel};
  return results;
}

RollingResult MetalBackend::rolling_performance(VectorView returns, std::size_t window,
                                                const PerformanceOptions& options) const {
  return on_cpu(kNoKernel, [&] { return CpuBackend::rolling_performance(returns, window, options); });
}

}  // namespace portfolio::metal
