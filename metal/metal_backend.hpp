// The kernels that a Metal GPU accelerates, one file per kernel; the rest runs on the CPU and says so.
#pragma once

#include "backend.hpp"
#include "cpu_backend.hpp"

namespace portfolio::metal {

class MetalBackend final : public CpuBackend {
 public:
  explicit MetalBackend(SizeRule rule) : rule_(rule) {}
  std::string name() const override;
  CovarianceResult covariance(MatrixView, const CovarianceOptions&) const override;
  CovarianceResult covariance(BasicMatrixView<float>, const CovarianceOptions&) const override;
  std::vector<CovarianceResult> covariance_batch(const std::vector<MatrixView>&,
                                                 const CovarianceOptions&) const override;
  EighResult eigh(MatrixView) const override;
  std::vector<EighResult> eigh_batch(const std::vector<MatrixView>&) const override;
  NearestPsdResult nearest_psd(MatrixView, const NearestPsdOptions&) const override;
  QpResult solve_qp(const QpProblem&, const QpOptions&) const override;
  std::vector<QpResult> solve_qp_batch(const std::vector<QpProblem>&, const QpOptions&) const override;
  FrontierResult efficient_frontier(const FrontierProblem&) const override;
  RiskParityResult risk_parity(MatrixView, const RiskParityOptions&) const override;
  std::vector<RiskParityResult> risk_parity_batch(const std::vector<RiskParityProblem>&,
                                                  const RiskParityOptions&) const override;
  CvarResult solve_cvar(const CvarProblem&, const CvarOptions&) const override;
  SimulateResult simulate(VectorView, MatrixView, VectorView, const SimulateOptions&) const override;
  SimulateResult simulate_bootstrap(MatrixView, VectorView, const SimulateOptions&) const override;
  PerformanceResult performance(VectorView, const PerformanceOptions&) const override;
  std::vector<PerformanceResult> performance_batch(MatrixView, const PerformanceOptions&) const override;
  RollingResult rolling_performance(VectorView, std::size_t window, const PerformanceOptions&) const override;

 private:
  bool only_where_faster() const { return rule_ == SizeRule::apply; }
  SizeRule rule_;
};

}  // namespace portfolio::metal
