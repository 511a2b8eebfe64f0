#include <chrono>

#include "active_set.hpp"
#include "cpu_backend.hpp"
#include "parallel.hpp"
#include "qp_convex.hpp"
#include "qp_solver.hpp"

namespace portfolio {
namespace {

// One workspace a thread, whatever the number of problems.
active::ActiveSet& workspace() {
  static thread_local active::ActiveSet set;
  return set;
}

QpResult solve(const QpProblem& problem, const QpOptions& options, const char* function, bool check_convex) {
  const bool symmetric =
      check_convex ? qp::require_convex(problem, function) : !options.check_matrix || qp::symmetric(problem.P);
  // The active set reads columns of P as rows: a triangle that differs is for the interior point, which takes the mean.
  if (options.method != QpMethod::interior_point && symmetric) {
    active::ActiveSet& set = workspace();
    auto found = set.solve(problem, options);
    if (set.large()) set = active::ActiveSet();
    if (found) return *std::move(found);
  }
  return qp::Solver(problem, options, function, false).run();
}

QpResult timed(const QpProblem& problem, const QpOptions& options, const char* function, bool check_convex) {
  const auto start = std::chrono::steady_clock::now();
  QpResult out = solve(problem, options, function, check_convex && options.check_matrix);
  out.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return out;
}

}  // namespace

QpResult CpuBackend::solve_qp(const QpProblem& problem, const QpOptions& options) const {
  return timed(problem, options, "solve_qp", true);
}

// What a problem copies lives only while it is solved: memory grows with the threads, not with the batch.
std::vector<QpResult> CpuBackend::solve_qp_batch(const std::vector<QpProblem>& problems,
                                                 const QpOptions& options) const {
  const std::vector<char> first = qp::first_with_matrix(problems);
  std::vector<QpResult> out(problems.size());
  parallel_for(problems.size(), [&](std::size_t k) {
    QpOptions own = options;
    if (options.starts != nullptr) own.start = options.starts[k];
    out[k] = timed(problems[k], own, "solve_qp_batch", first[k] != 0);
  });
  return out;
}

}  // namespace portfolio
