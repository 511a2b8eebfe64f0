// One problem on its way through scaling, interior point and polish; or through the polish alone, from a start that
// another device found.
#pragma once

#include <memory>
#include <optional>

#include "qp_polish.hpp"
#include "qp_scaling.hpp"
#include "qp_split.hpp"

namespace portfolio::qp {

class Solver {
 public:
  // Problems that share their P need the check of its eigenvalues only once; `check_convex` false skips it.
  Solver(const QpProblem& views, const QpOptions& options, const char* function, bool check_convex = true);
  Solver(const Solver&) = delete;
  Solver& operator=(const Solver&) = delete;

  const Scaling& scaling() const { return scaling_; }
  // Whether an iterative method has anything to do: false for crossed bounds, contradicting rows, nothing left free.
  bool open() const;
  // The polished answer from `start` on the scaled problem, held to the tolerances of run(); nothing when it misses
  // them.
  std::optional<QpResult> finish(const InteriorPoint& start);
  QpResult run();

 private:
  Solution point(const Solution& scaled) const;
  bool crossed_bounds();
  QpResult only_point();
  QpResult diagnose(Solution best);
  QpResult interrupted();
  bool accept_polished(const InteriorPoint& interior);
  bool accept_solution(const InteriorPoint& interior);
  bool accept_infeasible(const Solution& candidate);
  bool accept_ray(const Solution& candidate);
  QpResult give(QpStatus status);

  const Problem full_;
  const std::unique_ptr<const Split> split_;  // when trading has a cost or a limit
  const Scaling scaling_;
  const QpOptions options_;
  Solution answer_;
  QpStatus status_ = QpStatus::numerical_error;
  double polish_below_ = kInfinity;
  QpResult out_;
};

// For each problem whether it is the first to come with its P: the one whose convexity is checked.
std::vector<char> first_with_matrix(const std::vector<QpProblem>& problems);

}  // namespace portfolio::qp
