// The steps of a covariance around its cross product, which is the one that another device may compute.
#pragma once

#include "observation_weights.hpp"
#include "portfolio/covariance.hpp"

namespace portfolio {

// Observations centred on their weighted mean and, with weights, multiplied by sqrt(p).
struct CentredObservations {
  Matrix rows;  // T x n
  std::vector<double> mean;
  ObservationWeights weights;
};

template <class T>
CentredObservations centred(BasicMatrixView<T> returns, const CovarianceOptions& options);

// What rows' rows is multiplied by to be the estimate before shrinkage.
double cross_product_scale(const CentredObservations& observations, const CovarianceOptions& options);

// Rows p_t x_t, whose cross product sum_t p_t^2 x_t x_t' the shrinkage of Ledoit and Wolf needs when observations
// are weighted; empty when it is not needed.
Matrix second_moment_rows(const CentredObservations& observations, const CovarianceOptions& options);

// Shrinks `covariance` (the scaled cross product). `second` is the cross product of second_moment_rows, else empty.
CovarianceResult finish_covariance(CentredObservations&& observations, Matrix&& covariance, const Matrix& second,
                                   const CovarianceOptions& options);

}  // namespace portfolio
