// A Cholesky factor that grows and shrinks by one row and column, for the block of the assets that are free to move.
#pragma once

#include <cstddef>
#include <vector>

namespace portfolio::critical_line {

class Factor {
 public:
  std::size_t size() const { return k_; }
  void clear() { k_ = 0; }

  // Append a last row and column: `column` holds its k off-diagonal entries. False, and unchanged, when the pivot is
  // below `tolerance` x diagonal: the new column depends on the others.
  bool append(const double* column, double diagonal, double tolerance);
  void remove(std::size_t i);
  // The first k rows of `lower` (row-major, leading dimension k, strictly upper part ignored) as a finished factor.
  void assign(std::size_t k, const double* lower);

  // In place on X (k x width, row-major): L X = B, and L' X = B.
  void forward(double* X, std::size_t width) const;
  void backward(double* X, std::size_t width) const;

 private:
  double* row(std::size_t i) { return L_.data() + i * capacity_; }
  const double* row(std::size_t i) const { return L_.data() + i * capacity_; }
  void reserve(std::size_t k);

  std::vector<double> L_;  // row-major, lower
  std::size_t k_ = 0, capacity_ = 0;
};

}  // namespace portfolio::critical_line
