// The steps of a covariance around its cross product, which is the one that another device may compute.
#pragma once

#include "observation_weights.hpp"
#include "portfolio/covariance.hpp"

namespace portfolio {

// What is known of the observations besides their cross product.
struct ObservationSummary {
  std::vector<double> mean;
  ObservationWeights weights;
  double fourth = 0.0;  // sum of ||row||^4 of the centred, weighted rows, if Ledoit and Wolf need it
};

// What every row loses: the pivot, one of the rows, and then the mean of what is left.
struct Centring {
  std::vector<double> pivot, shift;
  std::vector<double> roots;  // sqrt(p), empty without weights
  bool fourth;                // whether the rows' fourth powers are summed
};

// Fills mean and weights of `seen`.
template <class T>
Centring centring(BasicMatrixView<T> returns, const CovarianceOptions& options, ObservationSummary& seen);

// Rows first .. first + count, centred and, with weights, multiplied by sqrt(p), to `rows`, `stride` apart;
// `seen.fourth` grows by theirs.
template <class T>
void centre_rows(BasicMatrixView<T> returns, const Centring& centre, std::size_t first, std::size_t count,
                 ObservationSummary& seen, std::size_t stride, double* rows);

// All of them at once.
struct CentredObservations : ObservationSummary {
  Matrix rows;  // T x n
};

template <class T>
CentredObservations centred(BasicMatrixView<T> returns, const CovarianceOptions& options);

// What rows' rows is multiplied by to be the estimate before shrinkage.
double cross_product_scale(const ObservationSummary& seen, const CovarianceOptions& options);

// Whether the shrinkage of Ledoit and Wolf needs sum_t p_t^2 x_t x_t' too: where observations are weighted. It is the
// cross product of centred rows multiplied by sqrt(p) once more.
bool needs_second_moment(const ObservationSummary& seen, const CovarianceOptions& options);
void weigh_again(const ObservationSummary& seen, std::size_t first, std::size_t count, std::size_t stride,
                 double* rows);
Matrix second_moment_rows(const CentredObservations& observations, const CovarianceOptions& options);  // else empty

// Shrinks `covariance` (the scaled cross product, of which the upper triangle is read) and fills its lower triangle.
// `second` is the cross product of second_moment_rows, else empty.
CovarianceResult finish_covariance(ObservationSummary&& seen, Matrix&& covariance, const Matrix& second,
                                   const CovarianceOptions& options);

}  // namespace portfolio
