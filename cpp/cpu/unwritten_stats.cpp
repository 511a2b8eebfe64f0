// Temporary: what the kernel files still to come will define. Delete each line when its file arrives.
#include <stdexcept>

#include "cpu_backend.hpp"
namespace portfolio {
// clang-format off
#define UNWRITTEN { throw std::logic_error("unwritten kernel"); }
SimulateResult CpuBackend::simulate(VectorView, MatrixView, VectorView, const SimulateOptions&) const UNWRITTEN
}  // namespace portfolio
