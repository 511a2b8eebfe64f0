#include "qp_solver.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "qp_convex.hpp"
#include "qp_diagnosis.hpp"

namespace portfolio::qp {
namespace {

constexpr double kFirstPolish = 1e-6;      // scaled residual at which the active set is tried
constexpr double kNextPolish = 1e-2;       // further share by which it must fall before another attempt
constexpr double kUnpolishedShare = 1e-2;  // of the tolerance, when no active set could be solved exactly
constexpr double kCrossed = 1e-12;         // bounds that cross by rounding are equal

bool crosses(double lb, double ub) { return lb - ub > kCrossed * (1.0 + std::max(std::fabs(lb), std::fabs(ub))); }

}  // namespace

std::vector<char> first_with_matrix(const std::vector<QpProblem>& problems) {
  std::set<std::pair<const double*, std::size_t>> seen;
  std::vector<char> out(problems.size());
  for (std::size_t k = 0; k < problems.size(); ++k) {
    out[k] = seen.insert({problems[k].P.data, problems[k].q.size}).second;
  }
  return out;
}

Solver::Solver(const QpProblem& views, const QpOptions& options, const char* function, bool check_convex)
    : full_(copy_problem(views, function)),
      split_(Split::needed(full_) ? std::make_unique<const Split>(full_) : nullptr),
      scaling_(split_ ? split_->problem() : full_),
      options_(options) {
  if (check_convex && options.check_matrix) require_convex(views, function);
}

Solution Solver::point(const Solution& scaled) const {
  return split_ ? split_->point(scaling_.point(scaled)) : scaling_.point(scaled);
}

bool Solver::open() const {
  for (Eigen::Index j = 0; j < full_.n(); ++j) {
    if (crosses(full_.lb[j], full_.ub[j])) return false;
  }
  return !scaling_.contradiction() && scaling_.problem().n() > 0;
}

std::optional<QpResult> Solver::finish(const InteriorPoint& start) {
  if (!accept_polished(start)) return std::nullopt;
  return give(QpStatus::optimal);
}

QpResult Solver::run() {
  if (crossed_bounds()) return give(QpStatus::primal_infeasible);
  if (scaling_.contradiction()) {
    answer_ = split_ ? split_->certificate(*scaling_.contradiction()) : *scaling_.contradiction();
    if (confirm_primal_infeasible(full_, answer_)) return give(QpStatus::primal_infeasible);
  }
  if (scaling_.problem().n() == 0) return only_point();
  if (options_.interrupt.requested()) {  // nothing better yet than what is held, or zero, within the bounds
    answer_ = {Vec::Zero(full_.n()), Vec::Zero(full_.b.size()), Vec::Zero(full_.h.size()), Vec::Zero(full_.n())};
    if (split_) answer_.x = full_.held;
    answer_.x = answer_.x.cwiseMax(full_.lb).cwiseMin(full_.ub);
    return interrupted();
  }
  const InteriorCallbacks accept{[this](const InteriorPoint& p) { return accept_solution(p); },
                                 [this](const Solution& s) { return accept_infeasible(s); },
                                 [this](const Solution& s) { return accept_ray(s); }};
  const double ask = options_.polish ? std::max(kFirstPolish, options_.tolerance) : options_.tolerance;
  const InteriorResult found =
      interior_point(scaling_.problem(), ask, options_.tolerance, options_.max_iterations, accept, options_.interrupt);
  out_.iterations = found.iterations;
  if (found.status == InteriorStatus::finished) return give(status_);
  if (found.status != InteriorStatus::interrupted && accept_polished(found.best)) return give(QpStatus::optimal);
  answer_ = point(found.best.at);
  if (measure(full_, answer_).worst() <= options_.tolerance) return give(QpStatus::optimal);
  if (options_.interrupt.requested()) return interrupted();
  if (found.status == InteriorStatus::max_iterations) return give(QpStatus::max_iterations);
  return diagnose(answer_);
}

// A crossed pair is its own certificate; z_box marks it.
bool Solver::crossed_bounds() {
  answer_ = {Vec::Zero(full_.n()), Vec::Zero(full_.b.size()), Vec::Zero(full_.h.size()), Vec::Zero(full_.n())};
  for (Eigen::Index j = 0; j < full_.n(); ++j) {
    if (crosses(full_.lb[j], full_.ub[j])) answer_.z_box[j] = 1.0;
  }
  return !answer_.z_box.isZero(0.0);
}

// Every variable is fixed: the point satisfies the rows, or one of them is the certificate.
QpResult Solver::only_point() {
  const Solution none{Vec::Zero(0), Vec::Zero(scaling_.problem().b.size()), Vec::Zero(scaling_.problem().h.size()),
                      Vec::Zero(0)};
  answer_ = point(none);
  out_.polished = measure(full_, answer_).worst() <= options_.tolerance;
  if (out_.polished) return give(QpStatus::optimal);
  const Vec equal = full_.A * answer_.x - full_.b, above = full_.G * answer_.x - full_.h;
  Eigen::Index worst_equal = 0, worst_above = 0;
  const double equal_size = equal.size() == 0 ? 0.0 : equal.cwiseAbs().maxCoeff(&worst_equal);
  const double above_size = above.size() == 0 ? 0.0 : above.maxCoeff(&worst_above);
  const double turnover = std::isfinite(full_.turnover) ? (answer_.x - full_.held).lpNorm<1>() - full_.turnover : 0.0;
  answer_ = {Vec::Zero(full_.n()), Vec::Zero(equal.size()), Vec::Zero(above.size()), Vec::Zero(full_.n())};
  if (turnover > std::max(equal_size, above_size)) {
    answer_.turnover_dual = 1.0;
  } else if (equal_size > above_size) {
    answer_.y[worst_equal] = equal[worst_equal] > 0.0 ? 1.0 : -1.0;
  } else {
    answer_.z[worst_above] = 1.0;
  }
  return give(confirm_primal_infeasible(full_, answer_) ? QpStatus::primal_infeasible : QpStatus::numerical_error);
}

QpResult Solver::diagnose(Solution best) {
  if (const auto s = least_violation(scaling_.problem(), options_.interrupt); s && accept_infeasible(*s))
    return give(status_);
  if (const auto s = steepest_ray(scaling_.problem(), options_.interrupt); s && accept_ray(*s)) return give(status_);
  answer_ = std::move(best);
  return options_.interrupt.requested() ? interrupted() : give(QpStatus::numerical_error);
}

QpResult Solver::interrupted() {
  return give(options_.interrupt.cancelled() ? QpStatus::cancelled : QpStatus::time_limit);
}

bool Solver::accept_polished(const InteriorPoint& interior) {
  if (!options_.polish) return false;
  const std::optional<Solution> polished = polish(scaling_.problem(), interior, options_.interrupt);
  if (!polished || measure(scaling_.problem(), *polished).worst() > options_.tolerance) return false;
  answer_ = point(*polished);
  out_.polished = measure(full_, answer_).worst() <= options_.tolerance;
  return out_.polished;
}

bool Solver::accept_solution(const InteriorPoint& interior) {
  status_ = QpStatus::optimal;
  const double worst = interior.residuals.worst();
  if (worst <= polish_below_) {
    if (accept_polished(interior)) return true;
    polish_below_ = kNextPolish * worst;
  }
  // Without an exact active set the interior answer has to be well inside the tolerance.
  if (worst > (options_.polish ? kUnpolishedShare : 1.0) * options_.tolerance) return false;
  answer_ = point(interior.at);
  return measure(full_, answer_).worst() <= options_.tolerance;
}

bool Solver::accept_infeasible(const Solution& candidate) {
  status_ = QpStatus::primal_infeasible;
  if (!excludes_points(scaling_.problem(), candidate)) return false;
  answer_ = scaling_.certificate(candidate);
  if (split_) answer_ = split_->certificate(answer_);
  return confirm_primal_infeasible(full_, answer_);
}

bool Solver::accept_ray(const Solution& candidate) {
  status_ = QpStatus::dual_infeasible;
  if (!excludes_duals(scaling_.problem(), candidate)) return false;
  answer_ = scaling_.ray(candidate);
  if (split_) answer_ = split_->ray(answer_);
  return confirm_dual_infeasible(full_, answer_);
}

QpResult Solver::give(QpStatus status) {
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
  out_.z_trade = copy(split_ && answer_.z_trade.size() == 0 ? Vec(Vec::Zero(full_.n())) : answer_.z_trade);
  out_.turnover_dual = answer_.turnover_dual;
  return out_;
}

}  // namespace portfolio::qp
