// The frontier by the critical line: corners first, and the points read off between them.
#include "portfolio/frontier.hpp"

#include <algorithm>
#include <cmath>

#include "cpu_backend.hpp"
#include "critical_line.hpp"
#include "frontier_programs.hpp"

namespace portfolio {
namespace {

using critical_line::Corner;
using critical_line::Path;

// from' Sigma to, by the assets that are held.
double form(MatrixView Sigma, const std::vector<double>& from, const std::vector<double>& to,
            std::vector<std::size_t>& held) {
  held.clear();
  for (std::size_t j = 0; j < to.size(); ++j) {
    if (to[j] != 0.0) held.push_back(j);
  }
  double out = 0.0;
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (from[i] == 0.0) continue;
    const double* row = Sigma.data + i * Sigma.cols;
    double sum = 0.0;
    for (const std::size_t j : held) sum += row[j] * to[j];
    out += from[i] * sum;
  }
  return out;
}

void keep_corners(const std::vector<Corner>& corners, std::size_t n, FrontierResult& out) {
  out.corner_weights = Matrix(corners.size(), n);
  for (std::size_t k = 0; k < corners.size(); ++k) {
    std::copy(corners[k].w.begin(), corners[k].w.end(), &out.corner_weights(k, 0));
    out.corner_risk_tolerance.push_back(corners[k].t);
    out.corner_return.push_back(corners[k].expected_return);
    out.corner_variance.push_back(corners[k].variance);
  }
}

// Evenly spaced in return. On a segment the weights are affine in t and the return is too, so in each other; the
// variance is quadratic, with the covariance of its two ends.
void read_points(const FrontierProblem& problem, const std::vector<Corner>& corners, FrontierResult& out) {
  const std::size_t n = problem.mu.size, count = problem.points;
  const double low = corners.back().expected_return, high = std::max(low, corners.front().expected_return);
  out.weights = Matrix(count, n);
  std::size_t below = corners.size() - 1, known = corners.size();  // the segment's lower corner
  double both = 0.0;                                               // the covariance of the ends of segment `known`
  std::vector<std::size_t> held;
  for (std::size_t k = 0; k < count; ++k) {
    const double target = low + static_cast<double>(k) / static_cast<double>(count - 1) * (high - low);
    while (below > 0 && corners[below - 1].expected_return < target) --below;
    const Corner &from = corners[below], &to = corners[below > 0 ? below - 1 : 0];
    if (known != below) both = form(problem.Sigma, from.w, to.w, held);
    known = below;
    const double rise = to.expected_return - from.expected_return;
    double share = rise > 0.0 ? std::clamp((target - from.expected_return) / rise, 0.0, 1.0) : 0.0;
    if (k + 1 == count) share = 1.0;
    double* w = &out.weights(k, 0);
    for (std::size_t j = 0; j < n; ++j) w[j] = from.w[j] + share * (to.w[j] - from.w[j]);
    if (share == 1.0) std::copy(to.w.begin(), to.w.end(), w);
    out.expected_return.push_back(share == 1.0 ? to.expected_return : from.expected_return + share * rise);
    const double rest = 1.0 - share;
    const double variance = rest * rest * from.variance + 2.0 * rest * share * both + share * share * to.variance;
    out.expected_risk.push_back(std::sqrt(std::max(variance, 0.0)));
  }
}

}  // namespace

FrontierResult CpuBackend::efficient_frontier(const FrontierProblem& problem) const {
  std::vector<double> q(problem.mu.size);
  QpOptions options = problem.qp;
  DeviceUsed device{"cpu", ""};
  const auto solve = [&](double t, QpMethod method) {
    options.method = method;
    for (std::size_t j = 0; j < q.size(); ++j) q[j] = -t * problem.mu[j];
    QpProblem program{problem.Sigma, view(q), problem.G, problem.h, problem.A, problem.b, problem.lb, problem.ub};
    QpResult solved = CpuBackend::solve_qp(program, options);
    options.check_matrix = false;  // once is enough
    return solved;
  };
  const Path path = critical_line::follow(problem, solve);
  FrontierResult out;
  out.status = path.status;
  out.device = device;
  switch (path.status) {
    case QpStatus::optimal:
      keep_corners(path.corners, problem.mu.size, out);
      read_points(problem, path.corners, out);
      out.max_residual = path.max_residual;
      return out;
    case QpStatus::primal_infeasible:
    case QpStatus::time_limit:
    case QpStatus::cancelled:
      return out;
    default:
      return frontier_by_programs(problem, *this);  // also confirms that the return has no maximum
  }
}

}  // namespace portfolio
