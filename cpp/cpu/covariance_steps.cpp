#include "covariance_steps.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "centring.hpp"

namespace portfolio {
namespace {

constexpr std::size_t kLanes = 8;    // partial sums of a row: a fixed order, and independent additions
constexpr std::size_t kSquare = 32;  // side of the squares in which a triangle is mirrored

double squared_norm(const double* row, std::size_t count) {
  double lanes[kLanes] = {};
  std::size_t j = 0;
  for (; j + kLanes <= count; j += kLanes) {
    for (std::size_t l = 0; l < kLanes; ++l) lanes[l] += row[j + l] * row[j + l];
  }
  for (; j < count; ++j) lanes[0] += row[j] * row[j];
  return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
}

// ||S||^2 of a symmetric matrix, from its upper triangle.
double squared_norm(const Matrix& s) {
  double diagonal = 0.0, above = 0.0;
  for (std::size_t i = 0; i < s.rows; ++i) {
    diagonal += s(i, i) * s(i, i);
    above += squared_norm(s.data.data() + i * s.cols + i + 1, s.cols - i - 1);
  }
  return diagonal + 2.0 * above;
}

double inner_product(const Matrix& a, const Matrix& b) {
  double diagonal = 0.0, above = 0.0;
  for (std::size_t i = 0; i < a.rows; ++i) {
    diagonal += a(i, i) * b(i, i);
    for (std::size_t j = i + 1; j < a.cols; ++j) above += a(i, j) * b(i, j);
  }
  return diagonal + 2.0 * above;
}

double mean_variance(const Matrix& s) {
  double trace = 0.0;
  for (std::size_t i = 0; i < s.rows; ++i) trace += s(i, i);
  return trace / static_cast<double>(s.rows);
}

// sum_t p_t^2 ||x_t x_t' - S||_F^2, the estimated variance of S (Ledoit and Wolf 2004, lemma 3.4; p_t = 1/T there).
// Multiplied out, sum_t p_t^2 ||x_t||^4 - 2 <sum_t p_t^2 x_t x_t', S> + sum_t p_t^2 ||S||^2; with p_t = 1/T the middle
// term is -2 ||S||^2 / T.
double estimation_variance(const ObservationSummary& seen, const Matrix& s, const Matrix& second, double norm) {
  const double effective = seen.weights.effective;
  if (seen.weights.p.empty()) return seen.fourth / (effective * effective) - norm / effective;
  return seen.fourth - 2.0 * inner_product(second, s) + norm / effective;
}

// Ledoit and Wolf 2004, "A well-conditioned estimator for large-dimensional covariance matrices", section 3.2.
double ledoit_wolf_shrinkage(const ObservationSummary& seen, const Matrix& s, const Matrix& second) {
  const double mu = mean_variance(s), norm = squared_norm(s);
  const double dispersion = norm - static_cast<double>(s.rows) * mu * mu;
  if (!(dispersion > 0.0)) return 0.0;  // S already is the target
  return std::clamp(estimation_variance(seen, s, second, norm) / dispersion, 0.0, 1.0);
}

// Chen, Wiesel, Eldar and Hero 2010, eq. 23, without its two 2/n terms, as scikit-learn computes it.
double oas_shrinkage(const Matrix& s, double observations) {
  const double n = static_cast<double>(s.rows), mu = mean_variance(s);
  const double alpha = squared_norm(s) / (n * n);
  const double denominator = (observations + 1.0) * (alpha - mu * mu / n);
  return denominator > 0.0 ? std::min((alpha + mu * mu) / denominator, 1.0) : 1.0;
}

// (1 - share) S + share mu I, and the lower triangle from the upper one, square by square so that both stay in cache.
void shrink_and_mirror(Matrix& s, double share) {
  const std::size_t n = s.rows;
  const double target = share > 0.0 ? share * mean_variance(s) : 0.0, kept = 1.0 - share;
  for (std::size_t top = 0; top < n; top += kSquare) {
    const std::size_t bottom = std::min(top + kSquare, n);
    for (std::size_t left = top; left < n; left += kSquare) {
      const std::size_t right = std::min(left + kSquare, n);
      for (std::size_t i = top; i < bottom; ++i) {
        for (std::size_t j = std::max(left, i); j < right; ++j) s.data[i * n + j] *= kept;
      }
      for (std::size_t j = left; j < right; ++j) {
        for (std::size_t i = top; i < std::min(bottom, j); ++i) s.data[j * n + i] = s.data[i * n + j];
      }
    }
  }
  for (std::size_t i = 0; i < n; ++i) s(i, i) += target;
}

const CentringKernels& kernels() {
  static const CentringKernels& chosen = PORTFOLIO_SIMD_CHOOSE(centring_kernels);
  return chosen;
}

template <class T>
const CentringPasses<T>& passes() {
  if constexpr (std::is_same_v<T, float>) {
    return kernels().floats;
  } else {
    return kernels().doubles;
  }
}

bool shrinks(const CovarianceOptions& options) {
  return options.method == CovarianceMethod::ledoit_wolf || options.method == CovarianceMethod::oas;
}

}  // namespace

// The first row that counts is taken off first: a constant column then becomes exactly zero, and a large common level
// costs no digits.
template <class T>
Centring centring(BasicMatrixView<T> x, const CovarianceOptions& options, ObservationSummary& seen) {
  seen.weights = observation_weights(x.rows, options);
  const std::vector<double>& p = seen.weights.p;
  const std::size_t n = x.cols;
  const auto counts = std::find_if(p.begin(), p.end(), [](double v) { return v > 0.0; });
  const std::size_t first = p.empty() ? 0 : static_cast<std::size_t>(counts - p.begin());
  Centring out;
  out.pivot.assign(x.data + first * n, x.data + (first + 1) * n);
  out.shift.assign(n, 0.0);
  out.fourth = options.method == CovarianceMethod::ledoit_wolf;
  passes<T>().add_shifts(x.data, x.rows, n, out.pivot.data(), p.empty() ? nullptr : p.data(), out.shift.data());
  seen.mean.resize(n);
  for (std::size_t j = 0; j < n; ++j) {
    if (p.empty()) out.shift[j] /= static_cast<double>(x.rows);
    seen.mean[j] = out.pivot[j] + out.shift[j];
  }
  out.roots.resize(p.size());
  for (std::size_t t = 0; t < p.size(); ++t) out.roots[t] = std::sqrt(p[t]);
  return out;
}

template <class T>
void centre_rows(BasicMatrixView<T> x, const Centring& centre, std::size_t first, std::size_t count,
                 ObservationSummary& seen, std::size_t stride, double* rows) {
  const double* roots = centre.roots.empty() ? nullptr : centre.roots.data() + first;
  passes<T>().centre(x.data + first * x.cols, count, x.cols, centre.pivot.data(), centre.shift.data(), roots, stride,
                     rows);
  if (centre.fourth) seen.fourth += kernels().fourth(rows, count, x.cols, stride);
}

template Centring centring(BasicMatrixView<double>, const CovarianceOptions&, ObservationSummary&);
template Centring centring(BasicMatrixView<float>, const CovarianceOptions&, ObservationSummary&);
template void centre_rows(BasicMatrixView<double>, const Centring&, std::size_t, std::size_t, ObservationSummary&,
                          std::size_t, double*);
template void centre_rows(BasicMatrixView<float>, const Centring&, std::size_t, std::size_t, ObservationSummary&,
                          std::size_t, double*);

template <class T>
CentredObservations centred(BasicMatrixView<T> returns, const CovarianceOptions& options) {
  CentredObservations out;
  const Centring centre = centring(returns, options, out);
  out.rows = Matrix(returns.rows, returns.cols);
  centre_rows(returns, centre, 0, returns.rows, out, returns.cols, out.rows.data.data());
  return out;
}

template CentredObservations centred(BasicMatrixView<double>, const CovarianceOptions&);
template CentredObservations centred(BasicMatrixView<float>, const CovarianceOptions&);

double cross_product_scale(const ObservationSummary& seen, const CovarianceOptions& options) {
  const double effective = seen.weights.effective;
  const double bias = shrinks(options) ? 1.0 : effective / (effective - options.ddof);
  return seen.weights.p.empty() ? bias / effective : bias;
}

bool needs_second_moment(const ObservationSummary& seen, const CovarianceOptions& options) {
  return !seen.weights.p.empty() && options.method == CovarianceMethod::ledoit_wolf;
}

void weigh_again(const ObservationSummary& seen, std::size_t first, std::size_t count, std::size_t stride,
                 double* rows) {
  for (std::size_t t = 0; t < count; ++t) {
    const double root = std::sqrt(seen.weights.p[first + t]);
    for (std::size_t j = 0; j < stride; ++j) rows[t * stride + j] *= root;
  }
}

Matrix second_moment_rows(const CentredObservations& observations, const CovarianceOptions& options) {
  if (!needs_second_moment(observations, options)) return {};
  Matrix rows = observations.rows;
  weigh_again(observations, 0, rows.rows, rows.cols, rows.data.data());
  return rows;
}

CovarianceResult finish_covariance(ObservationSummary&& seen, Matrix&& covariance, const Matrix& second,
                                   const CovarianceOptions& options) {
  CovarianceResult result;
  result.effective_observations = seen.weights.effective;
  if (options.method == CovarianceMethod::ledoit_wolf) {
    result.shrinkage = ledoit_wolf_shrinkage(seen, covariance, second);
  } else if (options.method == CovarianceMethod::oas) {
    result.shrinkage = oas_shrinkage(covariance, seen.weights.effective);
  }
  shrink_and_mirror(covariance, result.shrinkage);
  result.covariance = std::move(covariance);
  result.mean = std::move(seen.mean);
  return result;
}

}  // namespace portfolio
