// A frontier's problem as the critical line reads it: rows by their nonzeros, bounds, a symmetric covariance.
#pragma once

#include <limits>
#include <vector>

#include "portfolio/frontier.hpp"

namespace portfolio::critical_line {

constexpr double kNone = std::numeric_limits<double>::infinity();

// The rows of A, then those of G, by their nonzeros.
struct Rows {
  std::vector<std::size_t> start{0}, column;
  std::vector<double> value, bound;
  std::size_t equalities = 0;

  std::size_t count() const { return bound.size(); }
};

struct Data {
  explicit Data(const FrontierProblem& problem);
  std::size_t n() const { return mu.size; }
  const double* sigma_row(std::size_t j) const { return sigma + j * mu.size; }

  VectorView mu;
  Matrix symmetric;  // only where the caller's is not, to the last bit
  const double* sigma;
  Rows rows;
  std::vector<double> lb, ub;         // infinite where there is none
  std::vector<double> volatility;     // n
  std::vector<double> largest_entry;  // n, of any row
};

}  // namespace portfolio::critical_line
