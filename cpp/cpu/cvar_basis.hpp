// The inverse of the square matrix of the rows at their kink and the columns off their bounds, kept up to date while
// rows and columns come and go: each change costs O(k^2).
#pragma once

#include <vector>

#include "cvar_program.hpp"

namespace portfolio::cvar {

class Basis {
 public:
  std::vector<std::size_t> rows, columns;  // in the order of the inverse's columns and rows

  std::size_t size() const { return rows.size(); }
  const double* inverse_row(std::size_t f) const { return inverse_.data() + f * stride_; }

  void multiply(const double* by_row, double* by_column) const;             // inverse * v
  void multiply_transposed(const double* by_column, double* by_row) const;  // inverse' * v

  // Each returns false, without a change, when the pivot is too small.
  bool grow(const Program& program, std::size_t row, std::size_t column);
  bool replace_column(const Program& program, std::size_t place, std::size_t column);
  bool replace_row(const Program& program, std::size_t place, std::size_t row);
  bool shrink(std::size_t row_place, std::size_t column_place);
  // From scratch; false, without a change, when the matrix is singular to rounding or the caller ends it.
  bool refactor(const Program& program, const Interrupt& interrupt);

 private:
  double* row_(std::size_t f) { return inverse_.data() + f * stride_; }
  void reserve(std::size_t size);

  std::vector<double> inverse_, u_, v_, w_, z_, work_;
  std::size_t stride_ = 0;
};

}  // namespace portfolio::cvar
