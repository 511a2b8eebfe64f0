// What the solvers see: fixed variables, absent rows and dependent equalities removed, then equilibrated so that
// neither units of a variable or row nor the size of the objective change the path (Ruiz 2001).
#pragma once

#include <optional>

#include "qp_problem.hpp"

namespace portfolio::qp {

class Scaling {
 public:
  explicit Scaling(const Problem& full);

  const Problem& problem() const { return scaled_; }
  // From scaled to the caller's variables; duals of what was removed are filled in.
  Solution point(const Solution& scaled) const;
  Solution certificate(const Solution& scaled) const;
  Solution ray(const Solution& scaled) const;
  // Multipliers of equality rows that contradict each other, when some do.
  const std::optional<Solution>& contradiction() const { return contradiction_; }
  // Whether problems with the same P, A and G have, but for a factor of the objective, the same scaled matrices.
  bool same_matrices(const Scaling& other) const;

 private:
  void select(const Problem& full);
  void equilibrate();
  void normalise();
  void drop_dependent_rows();
  Solution rows(const Solution& scaled) const;

  const Problem& full_;
  Problem scaled_;
  std::vector<Eigen::Index> free_, rows_, equalities_;
  Vec fixed_;                    // value of each fixed variable, 0 elsewhere
  Vec column_, row_, equality_;  // x = size * column * x^, y = equality * y^ / (size * cost)
  double size_ = 1.0, cost_ = 1.0;
  std::optional<Solution> contradiction_;
};

}  // namespace portfolio::qp
