// Primal active set for portfolios: few names are held, so the work is done on candidates and the rest is priced out.
// docs/numerics/qp.md has the method. The object is the workspace: a problem of a size seen before allocates only its
// result.
#pragma once

#include <optional>

#include "active_set_core.hpp"
#include "active_set_start.hpp"
#include "qp_measure.hpp"

namespace portfolio::active {

class ActiveSet {
 public:
  // The answer, held to options.tolerance on the caller's data and in the units of the model, or the best point so far
  // when it was interrupted. Nothing when it does not get there: then the interior point decides.
  std::optional<QpResult> solve(const QpProblem& problem, const QpOptions& options);

  // More memory than a thread should keep: above 8 MiB for the block of P.
  bool large() const { return core_.count() > 1024; }

 private:
  static std::size_t at(int i) { return static_cast<std::size_t>(i); }
  double most_work(const QpOptions& options) const;
  bool only_equations() const;
  void begin(const QpOptions& options);
  bool start_by_factor();
  void start_at(VectorView near);
  int inside(VectorView near) const;
  double violation(int j) const;
  void price();
  int enter(int most);
  void take_back();
  void refresh();
  Outcome climb(const QpOptions& options);
  bool settled();
  QpResult answer(QpStatus status);
  void box_and_trade(QpResult& out);
  bool certified(const QpResult& out, double tolerance) const;

  Model model_;
  FactorStart factor_start_;
  Core core_;
  qp::Measured measured_;
  std::vector<double> x_, gradient_, reduced_;
  std::vector<int> place_, order_;
  long steps_ = 0;
  double work_ = 0.0;
};

}  // namespace portfolio::active
