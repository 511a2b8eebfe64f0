#include "portfolio/frontier.hpp"

#include <algorithm>

#include "backend.hpp"
#include "checks.hpp"

namespace portfolio {

void check_qp(const char* function, const QpProblem& problem);  // qp.cpp

// Weights that rounding has put beside their bounds.
static void clamp_rows(Matrix& weights, VectorView lb, VectorView ub) {
  for (std::size_t k = 0; k < weights.rows; ++k) {
    double* w = &weights(k, 0);
    for (std::size_t j = 0; lb && j < weights.cols; ++j) w[j] = std::max(w[j], lb[j]);
    for (std::size_t j = 0; ub && j < weights.cols; ++j) w[j] = std::min(w[j], ub[j]);
    for (std::size_t j = 0; j < weights.cols; ++j) w[j] += 0.0;  // no -0
  }
}

FrontierResult efficient_frontier(const FrontierProblem& problem) {
  constexpr const char* name = "efficient_frontier";
  const std::size_t n = problem.mu.size;
  if (!problem.mu || n == 0)
    fail(name, "mu", "a vector with at least 1 entry", problem.mu ? "an empty one" : "nothing");
  check_finite(name, "mu", problem.mu.data, 1, n);
  if (!problem.Sigma) fail(name, "Sigma", "a symmetric matrix", "nothing");
  if (problem.qp.check_matrix) {
    check_symmetric(name, "Sigma", problem.Sigma);
  } else {
    check_square(name, "Sigma", problem.Sigma);
  }
  if (problem.Sigma.rows != n) {
    fail(name, "Sigma", shape(n, n) + " as mu has " + std::to_string(n) + " entries",
         shape(problem.Sigma.rows, problem.Sigma.cols));
  }
  if (problem.points < 2) fail(name, "points", "at least 2", std::to_string(problem.points));
  check_qp(name, {problem.Sigma, problem.mu, problem.G, problem.h, problem.A, problem.b, problem.lb, problem.ub});
  const Choice choice = choose_backend(problem.qp.device, name);
  FrontierResult result = choice.backend.efficient_frontier(problem);
  clamp_rows(result.weights, problem.lb, problem.ub);
  clamp_rows(result.corner_weights, problem.lb, problem.ub);
  if (result.device.reason.empty()) result.device = choice.used;
  return result;
}

}  // namespace portfolio
