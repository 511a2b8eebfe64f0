// What the benchmarks of quadratic programs share: the rows of a portfolio, and the loop that is timed.
#pragma once

#include <portfolio/qp.hpp>
#include <vector>

#include "data.hpp"

namespace bench {

// Long only, at most `most` each, fully invested.
struct Rows {
  std::vector<double> one, budget{1.0}, lower, upper;
  Rows(std::size_t n, double most) : one(n, 1.0), lower(n, 0.0), upper(n, most) {}
  void into(portfolio::QpProblem& problem) const {
    problem.A = {one.data(), 1, one.size()};
    problem.b = portfolio::view(budget);
    problem.lb = portfolio::view(lower);
    problem.ub = portfolio::view(upper);
  }
};

inline portfolio::QpResult time_qp(benchmark::State& state, const portfolio::QpProblem& problem) {
  portfolio::QpResult result;
  for (auto _ : state) {
    result = portfolio::solve_qp(problem);
    benchmark::DoNotOptimize(result);
  }
  if (result.status != portfolio::QpStatus::optimal) state.SkipWithError("not solved");
  computed_on(state, result.device);
  return result;
}

}  // namespace bench
