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

CovarianceResult MetalBackend::covariance(MatrixView returns, const CovarianceOptions& options) const {
  return on_cpu(kNoKernel, [&] { return CpuBackend::covariance(returns, options); });
}

CovarianceResult MetalBackend::covariance(BasicMatrixView<float> returns, const CovarianceOptions& options) const {
  return on_cpu(kNoKernel, [&] { return CpuBackend::covariance(returns, options); });
}

EighResult MetalBackend::eigh(MatrixView matrix) const {
  return on_cpu(kNoKernel, [&] { return CpuBackend::eigh(matrix); });
}

NearestPsdResult MetalBackend::nearest_psd(MatrixView matrix, const NearestPsdOptions& options) const {
  return on_cpu(kNoKernel, [&] { return CpuBackend::nearest_psd(matrix, options); });
}

QpResult MetalBackend::solve_qp(const QpProblem& problem, const QpOptions& options) const {
  return on_cpu(kNoKernel, [&] { return CpuBackend::solve_qp(problem, options); });
}

std::vector<QpResult> MetalBackend::solve_qp_batch(const std::vector<QpProblem>& problems,
                                                   const QpOptions& options) const {
  return on_cpu(kNoKernel, [&] { return CpuBackend::solve_qp_batch(problems, options); });
}

FrontierResult MetalBackend::efficient_frontier(const FrontierProblem& problem) const {
  return on_cpu(kNoKernel, [&] { return CpuBackend::efficient_frontier(problem); });
}

RiskParityResult MetalBackend::risk_parity(MatrixView covariance, const RiskParityOptions& options) const {
  return on_cpu(kNoKernel, [&] { return CpuBackend::risk_parity(covariance, options); });
}

SimulateResult MetalBackend::simulate(VectorView mean, MatrixView covariance, VectorView weights,
                                      const SimulateOptions& options) const {
  return on_cpu(kNoKernel, [&] { return CpuBackend::simulate(mean, covariance, weights, options); });
}

PerformanceResult MetalBackend::performance(VectorView returns, const PerformanceOptions& options) const {
  return on_cpu(kNoKernel, [&] { return CpuBackend::performance(returns, options); });
}

}  // namespace portfolio::metal
