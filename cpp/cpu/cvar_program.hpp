// The scaled linear program behind mean-CVaR, with one piecewise linear cost a row instead of a variable a scenario:
//   minimise cost'x + sum_t weight_t max(y_t, 0),  y = M x - shift,  y <= 0 (m rows),  y = 0 (p rows),  lb <= x <= ub
#pragma once

#include <vector>

#include "portfolio/cvar.hpp"

namespace portfolio::cvar {

struct Program {
  std::size_t n = 0;                 // columns: the variables, then the level alpha
  std::size_t m = 0, p = 0, T = 0;   // rows: inequalities, equalities, scenarios
  std::vector<double> rows;          // (m + p + T) x n
  std::vector<double> columns;       // n x (m + p + T): the same, transposed
  std::vector<double> shift, scale;  // m + p + T; a row is the caller's times its scale, a power of two
  std::vector<double> cost, lb, ub;  // n
  std::vector<double> weight;        // T
  std::vector<double> size;          // n, norm of a column: what a unit of it moves

  std::size_t row_count() const { return m + p + T; }
  std::size_t alpha() const { return n - 1; }
  const double* row(std::size_t i) const { return rows.data() + i * n; }
  const double* column(std::size_t j) const { return columns.data() + j * row_count(); }
};

Program make_program(const CvarProblem& problem);

}  // namespace portfolio::cvar
