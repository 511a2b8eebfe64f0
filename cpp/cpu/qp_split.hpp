// Trading cost and a turnover limit as an ordinary quadratic program: x = held + u - v with u, v >= 0. The bounds of x
// become bounds of u and v, the cost is linear in them, and turnover is one more row.
#pragma once

#include "qp_problem.hpp"

namespace portfolio::qp {

class Split {
 public:
  explicit Split(const Problem& full);

  static bool needed(const Problem& full) { return full.held.size() > 0; }
  const Problem& problem() const { return split_; }
  // Back to the caller's variables, with z_trade and turnover_dual.
  Solution point(const Solution& split) const;
  Solution certificate(const Solution& split) const;
  Solution ray(const Solution& split) const;

 private:
  void bounds();
  Vec net(const Vec& split) const;
  Solution rows(const Solution& split) const;

  const Problem& full_;
  Problem split_;
  Indices from_, down_;  // the caller's variable of each; for each of the caller's its v, or -1
  Vec sign_, base_;      // held where it is traded away from, else 0
};

}  // namespace portfolio::qp
