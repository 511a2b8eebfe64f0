#include "portfolio/cvar.hpp"

#include <chrono>

#include "cpu_backend.hpp"
#include "cvar_report.hpp"
#include "cvar_simplex.hpp"

namespace portfolio {
namespace {

// The first variable whose bounds cross; their number when there is none.
std::size_t crossed_bounds(const CvarProblem& problem) {
  std::size_t j = 0;
  const std::size_t n = problem.returns.cols;
  if (!problem.lb || !problem.ub) return n;
  while (j < n && !(problem.lb[j] > problem.ub[j])) ++j;
  return j;
}

QpStatus status_of(cvar::Outcome outcome, const Interrupt& interrupt) {
  switch (outcome) {
    case cvar::Outcome::optimal:
      return QpStatus::optimal;
    case cvar::Outcome::infeasible:
      return QpStatus::primal_infeasible;
    case cvar::Outcome::unbounded:
      return QpStatus::dual_infeasible;
    case cvar::Outcome::max_iterations:
      return QpStatus::max_iterations;
    case cvar::Outcome::interrupted:
      return interrupt.cancelled() ? QpStatus::cancelled : QpStatus::time_limit;
    case cvar::Outcome::broken:
      break;
  }
  return QpStatus::numerical_error;
}

CvarResult solve(const CvarProblem& problem, const CvarOptions& options) {
  const std::size_t crossed = crossed_bounds(problem);
  if (crossed < problem.returns.cols) return cvar::crossed(problem, crossed);
  const cvar::Program program = cvar::make_program(problem);
  cvar::Simplex simplex(program);
  const cvar::Outcome outcome = simplex.run(options.start, options.max_iterations, options.interrupt);
  CvarResult result = cvar::report(problem, program, simplex, status_of(outcome, options.interrupt), options.tolerance);
  result.iterations = simplex.iterations();
  return result;
}

}  // namespace

CvarResult CpuBackend::solve_cvar(const CvarProblem& problem, const CvarOptions& options) const {
  const auto start = std::chrono::steady_clock::now();
  CvarResult result = solve(problem, options);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace portfolio
