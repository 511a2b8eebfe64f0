#include "portfolio/frontier.hpp"

#include "backend.hpp"
#include "checks.hpp"

namespace portfolio {

void check_problem(const char* function, const QpProblem& problem);  // qp.cpp

FrontierResult efficient_frontier(const FrontierProblem& problem) {
  constexpr const char* name = "efficient_frontier";
  const std::size_t n = problem.mu.size;
  if (!problem.mu || n == 0)
    fail(name, "mu", "a vector with at least 1 entry", problem.mu ? "an empty one" : "nothing");
  check_finite(name, "mu", problem.mu.data, 1, n);
  if (!problem.Sigma) fail(name, "Sigma", "a symmetric matrix", "nothing");
  check_symmetric(name, "Sigma", problem.Sigma);
  if (problem.Sigma.rows != n) {
    fail(name, "Sigma", shape(n, n) + " as mu has " + std::to_string(n) + " entries",
         shape(problem.Sigma.rows, problem.Sigma.cols));
  }
  if (problem.points < 2) fail(name, "points", "at least 2", std::to_string(problem.points));
  check_problem(name, {problem.Sigma, problem.mu, problem.G, problem.h, problem.A, problem.b, problem.lb, problem.ub});
  const Choice choice = choose_backend(problem.qp.device, name);
  FrontierResult result = choice.backend.efficient_frontier(problem);
  if (result.device.reason.empty()) result.device = choice.used;
  return result;
}

}  // namespace portfolio
