// Temporary: what the kernel files still to come will define. Delete each line when its file arrives.
#include <stdexcept>
#include "cpu_backend.hpp"
namespace portfolio {
#define UNWRITTEN { throw std::logic_error("unwritten kernel"); }
FrontierResult CpuBackend::efficient_frontier(const FrontierProblem&) const UNWRITTEN
}  // namespace portfolio
