#include "covariance_steps.hpp"

#include <algorithm>
#include <cmath>

namespace portfolio {
namespace {

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
double estimation_variance(const Matrix& y, const Matrix& s, const Matrix& second, const std::vector<double>& p) {
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
  double cross = 0.0;
  for (std::size_t k = 0; k < s.data.size(); ++k) cross += second.data[k] * s.data[k];
  return fourth - 2.0 * cross + squares * squared_norm(s);
}

// Ledoit and Wolf 2004, "A well-conditioned estimator for large-dimensional covariance matrices", section 3.2.
double ledoit_wolf_shrinkage(const Matrix& y, const Matrix& s, const Matrix& second, const std::vector<double>& p) {
  const double mu = mean_variance(s);
  const double dispersion = squared_norm(s) - static_cast<double>(s.rows) * mu * mu;
  if (!(dispersion > 0.0)) return 0.0;  // S already is the target
  return std::clamp(estimation_variance(y, s, second, p) / dispersion, 0.0, 1.0);
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

// The first row that counts is taken off first: a constant column then becomes exactly zero, and a large common level
// costs no digits.
template <class T>
Matrix centre(BasicMatrixView<T> x, const std::vector<double>& p, std::vector<double>& mean) {
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

bool shrinks(const CovarianceOptions& options) {
  return options.method == CovarianceMethod::ledoit_wolf || options.method == CovarianceMethod::oas;
}

}  // namespace

template <class T>
CentredObservations centred(BasicMatrixView<T> returns, const CovarianceOptions& options) {
  CentredObservations out;
  out.weights = observation_weights(returns.rows, options);
  out.rows = centre(returns, out.weights.p, out.mean);
  return out;
}

template CentredObservations centred(BasicMatrixView<double>, const CovarianceOptions&);
template CentredObservations centred(BasicMatrixView<float>, const CovarianceOptions&);

double cross_product_scale(const CentredObservations& observations, const CovarianceOptions& options) {
  const ObservationWeights& weights = observations.weights;
  const double bias = shrinks(options) ? 1.0 : weights.effective / (weights.effective - options.ddof);
  return weights.p.empty() ? bias / static_cast<double>(observations.rows.rows) : bias;
}

Matrix second_moment_rows(const CentredObservations& observations, const CovarianceOptions& options) {
  const std::vector<double>& p = observations.weights.p;
  if (p.empty() || options.method != CovarianceMethod::ledoit_wolf) return {};
  Matrix rows = observations.rows;
  for (std::size_t t = 0; t < rows.rows; ++t) {
    for (std::size_t j = 0; j < rows.cols; ++j) rows(t, j) *= std::sqrt(p[t]);
  }
  return rows;
}

CovarianceResult finish_covariance(CentredObservations&& observations, Matrix&& covariance, const Matrix& second,
                                   const CovarianceOptions& options) {
  CovarianceResult result;
  result.effective_observations = observations.weights.effective;
  if (options.method == CovarianceMethod::ledoit_wolf) {
    result.shrinkage = ledoit_wolf_shrinkage(observations.rows, covariance, second, observations.weights.p);
  } else if (options.method == CovarianceMethod::oas) {
    result.shrinkage = oas_shrinkage(covariance, observations.weights.effective);
  }
  if (result.shrinkage > 0.0) shrink_to_identity(covariance, result.shrinkage);
  result.covariance = std::move(covariance);
  result.mean = std::move(observations.mean);
  return result;
}

}  // namespace portfolio
