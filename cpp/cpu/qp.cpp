#include <algorithm>
#include <chrono>
#include <optional>

#include "cpu_backend.hpp"
#include "parallel.hpp"
#include "qp_polish.hpp"
#include "qp_scaling.hpp"

namespace portfolio {
namespace qp {
namespace {

constexpr double kFirstPolish = 1e-6;      // scaled residual at which the active set is tried
constexpr double kUnpolishedShare = 1e-2;  // of the tolerance, when no active set could be solved exactly

// One problem on its way through scaling, interior point and polish.
class Solver {
 public:
  Solver(const QpProblem& views, const QpOptions& options)
      : full_(copy_problem(views)), scaling_(full_), options_(options) {}

  QpResult run() {
    const InteriorCallbacks accept{[this](const InteriorPoint& p) { return accept_solution(p); },
                                   [this](const Solution& s) { return accept_infeasible(s); },
                                   [this](const Solution& s) { return accept_ray(s); }};
    if (scaling_.contradiction()) {
      answer_ = *scaling_.contradiction();
      if (confirm_primal_infeasible(full_, answer_)) return give(QpStatus::primal_infeasible);
    }
    const double tolerance = options_.polish ? std::max(kFirstPolish, options_.tolerance) : options_.tolerance;
    const InteriorResult found = interior_point(scaling_.problem(), tolerance, options_.max_iterations, accept);
    out_.iterations = found.iterations;
    if (found.status == InteriorStatus::finished) return give(status_);
    if (accept_polished(found.best)) return give(QpStatus::optimal);
    answer_ = scaling_.point(found.best.at);
    if (measure(full_, answer_).worst() <= options_.tolerance) return give(QpStatus::optimal);
    const bool budget = found.status == InteriorStatus::max_iterations;
    return give(budget ? QpStatus::max_iterations : QpStatus::numerical_error);
  }

 private:
  bool accept_polished(const InteriorPoint& interior) {
    if (!options_.polish) return false;
    const std::optional<Solution> polished = polish(scaling_.problem(), interior);
    if (!polished || measure(scaling_.problem(), *polished).worst() > options_.tolerance) return false;
    answer_ = scaling_.point(*polished);
    out_.polished = measure(full_, answer_).worst() <= options_.tolerance;
    return out_.polished;
  }

  bool accept_solution(const InteriorPoint& interior) {
    status_ = QpStatus::optimal;
    if (accept_polished(interior)) return true;
    // Without an exact active set the interior answer has to be well inside the tolerance.
    if (interior.residuals.worst() > kUnpolishedShare * options_.tolerance) return false;
    answer_ = scaling_.point(interior.at);
    return measure(full_, answer_).worst() <= options_.tolerance;
  }

  bool accept_infeasible(const Solution& candidate) {
    status_ = QpStatus::primal_infeasible;
    answer_ = scaling_.certificate(candidate);
    return confirm_primal_infeasible(full_, answer_);
  }

  bool accept_ray(const Solution& candidate) {
    status_ = QpStatus::dual_infeasible;
    answer_ = scaling_.ray(candidate);
    return confirm_dual_infeasible(full_, answer_);
  }

  QpResult give(QpStatus status) {
    const auto copy = [](const Vec& v) { return std::vector<double>(v.begin(), v.end()); };
    const Residuals r = measure(full_, answer_);
    out_.status = status;
    out_.objective = r.objective;
    out_.primal_residual = r.primal;
    out_.dual_residual = r.dual;
    out_.gap = r.gap;
    out_.x = copy(answer_.x);
    out_.y = copy(answer_.y);
    out_.z = copy(answer_.z);
    out_.z_box = copy(answer_.z_box);
    return out_;
  }

  const Problem full_;
  const Scaling scaling_;
  const QpOptions& options_;
  Solution answer_;
  QpStatus status_ = QpStatus::numerical_error;
  QpResult out_;
};

}  // namespace
}  // namespace qp

QpResult CpuBackend::solve_qp(const QpProblem& problem, const QpOptions& options) const {
  const auto start = std::chrono::steady_clock::now();
  QpResult out = qp::Solver(problem, options).run();
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
