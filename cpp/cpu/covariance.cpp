#include "portfolio/covariance.hpp"

#include <algorithm>

#include "blas.hpp"
#include "covariance_steps.hpp"
#include "cpu_backend.hpp"
#include "parallel.hpp"

namespace portfolio {
namespace {

constexpr std::size_t kTile = 256;  // assets on a side of one tile of the product

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

template <class T>
CovarianceResult estimate(BasicMatrixView<T> returns, const CovarianceOptions& options) {
  CentredObservations observations = centred(returns, options);
  Matrix product = cross_product(observations.rows, cross_product_scale(observations, options));
  const Matrix rows = second_moment_rows(observations, options);
  const Matrix second = rows.data.empty() ? Matrix() : cross_product(rows, 1.0);
  return finish_covariance(std::move(observations), std::move(product), second, options);
}

}  // namespace

CovarianceResult CpuBackend::covariance(MatrixView returns, const CovarianceOptions& options) const {
  return estimate(returns, options);
}

CovarianceResult CpuBackend::covariance(BasicMatrixView<float> returns, const CovarianceOptions& options) const {
  return estimate(returns, options);
}

// Universes of one tile are shared out to threads; larger ones share out their tiles, one universe after the other.
std::vector<CovarianceResult> CpuBackend::covariance_batch(const std::vector<MatrixView>& universes,
                                                           const CovarianceOptions& options) const {
  std::vector<CovarianceResult> out(universes.size());
  parallel_for(universes.size(), [&](std::size_t k) {
    if (universes[k].cols <= kTile) out[k] = estimate(universes[k], options);
  });
  for (std::size_t k = 0; k < universes.size(); ++k) {
    if (universes[k].cols > kTile) out[k] = estimate(universes[k], options);
  }
  return out;
}

}  // namespace portfolio
