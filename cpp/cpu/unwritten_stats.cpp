// Temporary: what the kernel files still to come will define. Delete each line when its file arrives.
#include <stdexcept>

#include "cpu_backend.hpp"
namespace portfolio {
#define UNWRITTEN                               \
  {                                             \
    throw std::logic_error("unwritten kernel"); \
  }
EighResult CpuBackend::eigh(MatrixView) const UNWRITTEN NearestPsdResult
    CpuBackend::nearest_psd(MatrixView, const NearestPsdOptions&) const UNWRITTEN SimulateResult
    CpuBackend::simulate(VectorView, MatrixView, VectorView, const SimulateOptions&) const UNWRITTEN PerformanceResult
    CpuBackend::performance(VectorView, const PerformanceOptions&) const UNWRITTEN
}  // namespace portfolio
