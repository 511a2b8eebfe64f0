// What the active set asks of the second derivatives: read where the caller has them, dense or as B F B' + D.
#pragma once

#include <vector>

#include "portfolio/qp.hpp"

namespace portfolio::active {

class Hessian {
 public:
  // Keeps views; allocates only what a factor model needs beyond the last one's.
  void attach(const QpProblem& problem);

  bool zero() const { return !dense_ && !factors_.B; }
  void diagonal(double* out);
  // out[i] = P(j, index[i]).
  void gather(int j, const int* index, int count, double* out) const;
  // y += sum over f of P(:, index[f]) x[f].
  void add_product(const int* index, const double* x, int count, double* y) const;
  // y += P x, at the cost of the entries of x that are not zero.
  void add_product(const double* x, double* y) const;

 private:
  void times_F(const double* v, double* out) const;

  std::size_t n_ = 0;
  MatrixView dense_;
  FactorView factors_;
  mutable std::vector<double> exposure_, weighted_, values_;
  std::vector<double> block_;
  mutable std::vector<int> places_;
};

}  // namespace portfolio::active
