#include "portfolio/covariance.hpp"

#include <algorithm>
#include <cmath>

#include "blas.hpp"
#include "cpu_backend.hpp"
#include "observation_weights.hpp"
#include "parallel.hpp"

namespace portfolio {
namespace {

constexpr std::size_t kTile = 256;  // assets on a side of one tile of the product

// Rows centred on the weighted mean and, with weights, multiplied by sqrt(p). The first row that counts is taken off
// first: a constant column then becomes exactly zero, and a large common level costs no digits.
template <class T>
Matrix centred(BasicMatrixView<T> x, const std::vector<double>& p, std::vector<double>& mean) {
  const std::size_t rows = x.rows, n = x.cols;
  const auto first =
      static_cast<std::size_t>(std::find_if(p.begin(), p.end(), [](double v) { return v > 0.0; }) - p.begin());
  const T* pivot = x.data + (p.empty() ? 0 : first) * n;
  Matrix y(rows, n);
  std::vector<double> shift(n, 0.0);
  for (std::size_t t = 0; t < rows; ++t) {
    const double weight = p.empty() ? 1.0 : p[t];
    double* out = &y.data[t * n];
    const T* in = x.data + t * n;
    for (std::size_t j = 0; j < n; ++j) {
      out[j] = static_cast<double>(in[j]) - static_cast<double>(pivot[j]);
      shift[j] += weight * out[j];
    }
  }
  mean.resize(n);
  for (std::size_t j = 0; j < n; ++j) {
    if (p.empty()) shift[j] /= static_cast<double>(rows);
    mean[j] = static_cast<double>(pivot[j]) + shift[j];
  }
  for (std::size_t t = 0; t < rows; ++t) {
    const double root = p.empty() ? 1.0 : std::sqrt(p[t]);
    double* out = &y.data[t * n];
    for (std::size_t j = 0; j < n; ++j) out[j] = root * (out[j] - shift[j]);
  }
  return y;
}

// scale * Y'Y, both triangles equal bit for bit. Each tile is one BLAS call over all observations.
Matrix cross_product(const Matrix& y, double scale) {
  const std::size_t n = y.cols;
  const std::size_t side = block_count(n, kTile);
  Matrix c(n, n);
  const int ld = static_cast<int>(n), k = static_cast<int>(y.rows);
  parallel_for(side * (side + 1) / 2, [&](std::size_t block) {
    std::size_t i = 0;
    while ((i + 1) * (i + 2) / 2 <= block) ++i;
    const std::size_t j = block - i * (i + 1) / 2;
    const std::size_t row = i * kTile, col = j * kTile;
    const int height = static_cast<int>(std::min(kTile, n - row)), width = static_cast<int>(std::min(kTile, n - col));
    // Row-major Y is the column-major n x T matrix, so this is its product with its transpose.
    double* out = &c.data[col * n + row];
    if (i == j) {
      blas::syrk_lower(height, k, scale, &y.data[row], ld, 0.0, out, ld);
    } else {
      blas::gemm(false, true, height, width, k, scale, &y.data[row], ld, &y.data[col], ld, 0.0, out, ld);
    }
  });
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < i; ++j) c.data[i * n + j] = c.data[j * n + i];
  }
  return c;
}

double squared_norm(const Matrix& m) {
  double sum = 0.0;
  for (const double v : m.data) sum += v * v;
  return sum;
}

double mean_variance(const Matrix& s) {
  double trace = 0.0;
  for (std::size_t i = 0; i < s.rows; ++i) trace += s(i, i);
  return trace / static_cast<double>(s.rows);
}

// sum_t p_t^2 ||x_t x_t' - S||_F^2, the estimated variance of S (Ledoit and Wolf 2004, lemma 3.4; p_t = 1/T there).
// With weights the rows of y are sqrt(p_t) x_t, hence p_t^2 ||x_t||^4 = ||y_t||^4; without, they are x_t.
double estimation_variance(const Matrix& y, const Matrix& s, const std::vector<double>& p) {
  const std::size_t n = y.cols;
  double fourth = 0.0, squares = 0.0;
  for (std::size_t t = 0; t < y.rows; ++t) {
    double norm = 0.0;
    for (std::size_t j = 0; j < n; ++j) norm += y(t, j) * y(t, j);
    fourth += norm * norm;
    squares += p.empty() ? 0.0 : p[t] * p[t];
  }
  if (p.empty()) {
    const double count = static_cast<double>(y.rows);
    return fourth / (count * count) - squared_norm(s) / count;
  }
  Matrix weighted = y;  // rows p_t x_t: their cross product is sum_t p_t^2 x_t x_t'
  for (std::size_t t = 0; t < y.rows; ++t) {
    for (std::size_t j = 0; j < n; ++j) weighted(t, j) *= std::sqrt(p[t]);
  }
  const Matrix second = cross_product(weighted, 1.0);
  double cross = 0.0;
  for (std::size_t k = 0; k < s.data.size(); ++k) cross += second.data[k] * s.data[k];
  return fourth - 2.0 * cross + squares * squared_norm(s);
}

// Ledoit and Wolf 2004, "A well-conditioned estimator for large-dimensional covariance matrices", section 3.2.
double ledoit_wolf_shrinkage(const Matrix& y, const Matrix& s, const std::vector<double>& p) {
  const double mu = mean_variance(s);
  const double dispersion = squared_norm(s) - static_cast<double>(s.rows) * mu * mu;
  if (!(dispersion > 0.0)) return 0.0;  // S already is the target
  return std::clamp(estimation_variance(y, s, p) / dispersion, 0.0, 1.0);
}

// Chen, Wiesel, Eldar and Hero 2010, eq. 23, without its two 2/n terms, as scikit-learn computes it.
double oas_shrinkage(const Matrix& s, double observations) {
  const double n = static_cast<double>(s.rows), mu = mean_variance(s);
  const double alpha = squared_norm(s) / (n * n);
  const double denominator = (observations + 1.0) * (alpha - mu * mu / n);
  return denominator > 0.0 ? std::min((alpha + mu * mu) / denominator, 1.0) : 1.0;
}

void shrink_to_identity(Matrix& s, double share) {
  const double target = share * mean_variance(s);
  for (double& v : s.data) v *= 1.0 - share;
  for (std::size_t i = 0; i < s.rows; ++i) s(i, i) += target;
}

template <class T>
CovarianceResult estimate(BasicMatrixView<T> returns, const CovarianceOptions& options) {
  const ObservationWeights weights = observation_weights(returns.rows, options);
  CovarianceResult result;
  result.effective_observations = weights.effective;
  const Matrix y = centred(returns, weights.p, result.mean);
  const bool shrinks = options.method == CovarianceMethod::ledoit_wolf || options.method == CovarianceMethod::oas;
  const double bias = shrinks ? 1.0 : weights.effective / (weights.effective - options.ddof);
  result.covariance = cross_product(y, weights.p.empty() ? bias / static_cast<double>(returns.rows) : bias);
  if (options.method == CovarianceMethod::ledoit_wolf) {
    result.shrinkage = ledoit_wolf_shrinkage(y, result.covariance, weights.p);
  } else if (options.method == CovarianceMethod::oas) {
    result.shrinkage = oas_shrinkage(result.covariance, weights.effective);
  }
  if (result.shrinkage > 0.0) shrink_to_identity(result.covariance, result.shrinkage);
  return result;
}

}  // namespace

CovarianceResult CpuBackend::covariance(MatrixView returns, const CovarianceOptions& options) const {
  return estimate(returns, options);
}

CovarianceResult CpuBackend::covariance(BasicMatrixView<float> returns, const CovarianceOptions& options) const {
  return estimate(returns, options);
}

}  // namespace portfolio
