// Temporary: what the kernel files still to come will define. Delete each line when its file arrives.
#include <stdexcept>
#include "cpu_backend.hpp"
namespace portfolio {
#define UNWRITTEN { throw std::logic_error("unwritten kernel"); }
QpResult CpuBackend::solve_qp(const QpProblem&, const QpOptions&) const UNWRITTEN
std::vector<QpResult> CpuBackend::solve_qp_batch(const std::vector<QpProblem>&, const QpOptions&) const UNWRITTEN
FrontierResult CpuBackend::efficient_frontier(const FrontierProblem&) const UNWRITTEN
}  // namespace portfolio
