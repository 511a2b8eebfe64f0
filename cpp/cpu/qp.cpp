#include <chrono>
#include <optional>

#include "cpu_backend.hpp"
#include "parallel.hpp"
#include "qp_interior.hpp"
#include "qp_scaling.hpp"

namespace portfolio {
namespace qp {
namespace {

void give(QpResult& out, const Problem& problem, Solution&& s, QpStatus status) {
  out.status = status;
  const Residuals r = measure(problem, s);
  out.objective = r.objective;
  out.primal_residual = r.primal;
  out.dual_residual = r.dual;
  out.gap = r.gap;
  const auto copy = [](const Vec& v) { return std::vector<double>(v.begin(), v.end()); };
  out.x = copy(s.x);
  out.y = copy(s.y);
  out.z = copy(s.z);
  out.z_box = copy(s.z_box);
}

QpResult solve(const QpProblem& views, const QpOptions& options) {
  QpResult out;
  const Problem full = copy_problem(views);
  const Scaling scaling(full);
  std::optional<Solution> certificate;
  const auto infeasible = [&](const Solution& s) {
    Solution candidate = scaling.certificate(s);
    if (!confirm_primal_infeasible(full, candidate)) return false;
    certificate = candidate;
    return true;
  };
  const auto ray = [&](const Solution& s) {
    Solution candidate = scaling.ray(s);
    if (!confirm_dual_infeasible(full, candidate)) return false;
    certificate = candidate;
    return true;
  };
  const auto solution = [&](const Solution& s) { return measure(full, scaling.point(s)).worst() <= options.tolerance; };
  const InteriorResult found =
      interior_point(scaling.problem(), options.tolerance, options.max_iterations, {solution, infeasible, ray});
  out.iterations = found.iterations;
  if (certificate) {
    give(out, full, std::move(*certificate),
         found.status == InteriorStatus::primal_candidate ? QpStatus::primal_infeasible : QpStatus::dual_infeasible);
    return out;
  }
  give(out, full, scaling.point(found.best),
       found.status == InteriorStatus::converged        ? QpStatus::optimal
       : found.status == InteriorStatus::max_iterations ? QpStatus::max_iterations
                                                        : QpStatus::numerical_error);
  return out;
}

}  // namespace
}  // namespace qp

QpResult CpuBackend::solve_qp(const QpProblem& problem, const QpOptions& options) const {
  const auto start = std::chrono::steady_clock::now();
  QpResult out = qp::solve(problem, options);
  out.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return out;
}

std::vector<QpResult> CpuBackend::solve_qp_batch(const std::vector<QpProblem>& problems,
                                                 const QpOptions& options) const {
  std::vector<QpResult> out(problems.size());
  parallel_for(problems.size(), [&](std::size_t k) { out[k] = solve_qp(problems[k], options); });
  return out;
}

}  // namespace portfolio
