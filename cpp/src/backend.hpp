// One abstract class per device. Public functions check arguments and choose; a backend assumes good input. Two things
// it does not assume, because they are found on the way: that the returns of a covariance are finite (the public
// function sees it in their mean) and that P of a quadratic program is finite, symmetric and convex (the backend
// refuses it).
#pragma once

#include <string>

#include "portfolio/covariance.hpp"
#include "portfolio/cvar.hpp"
#include "portfolio/eigh.hpp"
#include "portfolio/frontier.hpp"
#include "portfolio/monte_carlo.hpp"
#include "portfolio/performance.hpp"
#include "portfolio/qp.hpp"
#include "portfolio/risk_parity.hpp"

namespace portfolio {

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string name() const = 0;
  virtual CovarianceResult covariance(MatrixView, const CovarianceOptions&) const = 0;
  virtual CovarianceResult covariance(BasicMatrixView<float>, const CovarianceOptions&) const = 0;
  virtual std::vector<CovarianceResult> covariance_batch(const std::vector<MatrixView>&,
                                                         const CovarianceOptions&) const = 0;
  virtual EighResult eigh(MatrixView) const = 0;
  virtual std::vector<EighResult> eigh_batch(const std::vector<MatrixView>&) const = 0;
  virtual NearestPsdResult nearest_psd(MatrixView, const NearestPsdOptions&) const = 0;
  virtual QpResult solve_qp(const QpProblem&, const QpOptions&) const = 0;
  virtual std::vector<QpResult> solve_qp_batch(const std::vector<QpProblem>&, const QpOptions&) const = 0;
  virtual FrontierResult efficient_frontier(const FrontierProblem&) const = 0;
  virtual RiskParityResult risk_parity(MatrixView, const RiskParityOptions&) const = 0;
  virtual std::vector<RiskParityResult> risk_parity_batch(const std::vector<RiskParityProblem>&,
                                                          const RiskParityOptions&) const = 0;
  virtual CvarResult solve_cvar(const CvarProblem&, const CvarOptions&) const = 0;
  virtual SimulateResult simulate(VectorView, MatrixView, VectorView, const SimulateOptions&) const = 0;
  virtual SimulateResult simulate_bootstrap(MatrixView, VectorView, const SimulateOptions&) const = 0;
  virtual PerformanceResult performance(VectorView, const PerformanceOptions&) const = 0;
  virtual std::vector<PerformanceResult> performance_batch(MatrixView, const PerformanceOptions&) const = 0;
  virtual RollingResult rolling_performance(VectorView, std::size_t window, const PerformanceOptions&) const = 0;
};

// Whether an accelerator takes every problem it can (its device was named) or only those it is faster at.
enum class SizeRule { ignore, apply };

const Backend& cpu_backend();  // cpp/cpu
std::vector<double> cpu_eigvalsh(MatrixView matrix);
const Backend* metal_backend(SizeRule rule);  // metal/: null when there is none
std::string metal_status();                   // why there is none, or the GPU's name

struct Choice {
  const Backend& backend;
  DeviceUsed used;
};

// Throws std::invalid_argument naming `function` when a named device is absent.
Choice choose_backend(Device requested, const char* function);

}  // namespace portfolio
