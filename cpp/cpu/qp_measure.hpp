// The residuals of docs/numerics/qp.md on the caller's views: nothing is copied, and of P only the columns of names
// held.
#pragma once

#include <vector>

#include "active_set_hessian.hpp"
#include "portfolio/qp.hpp"

namespace portfolio::qp {

// Beyond the relative residuals, what they are before division: the caller weighs them in other units too.
struct Measured {
  double primal = 0.0, dual = 0.0, gap = 0.0, objective = 0.0;
  std::vector<double> rest;   // of stationarity, n
  double total_gap = 0.0;     // absolute
  std::vector<double> share;  // scratch
  double worst() const;
};

// Fills `out`, whose vector is reused. Everything in `at` has its full length; `gradient` is P x + q.
void measure(const QpProblem& problem, const QpResult& at, const std::vector<double>& gradient, Measured& out);

// P x + q on the views.
void gradient_at(const QpProblem& problem, const active::Hessian& hessian, const std::vector<double>& x,
                 std::vector<double>& out);

}  // namespace portfolio::qp
