#include "portfolio/covariance.hpp"

#include <algorithm>

#include "blas.hpp"
#include "covariance_steps.hpp"
#include "cpu_backend.hpp"
#include "cross_product.hpp"
#include "parallel.hpp"

namespace portfolio {
namespace {

constexpr std::size_t kTile = 256;      // assets on a side of one tile of the product
constexpr std::size_t kMany = 1024;     // assets beyond which a tile is twice as wide: BLAS packs less
constexpr std::size_t kStrip = 24576;   // numbers in the rows centred together when one tile holds all assets
constexpr std::size_t kMostRows = 512;  // of a strip: as deep as BLAS blocks a product itself
constexpr std::size_t kFew = 144;       // assets up to which our own loops are faster than BLAS
constexpr std::size_t kNear = 2560;     // numbers of a strip for our own loops: near enough to be read at once

std::size_t strip_rows(std::size_t assets) { return assets > kTile ? kMostRows : std::min(kStrip / assets, kMostRows); }

std::size_t tile_of(std::size_t assets) { return assets > kMany ? 2 * kTile : kTile; }

// c += scale * rows'rows, in the upper triangle (row-major). Each tile is one BLAS call.
void add_cross_product(const double* rows, std::size_t count, double scale, bool first, Matrix& c) {
  const std::size_t n = c.cols;
  const std::size_t tile = tile_of(n), side = block_count(n, tile);
  const int ld = static_cast<int>(n), k = static_cast<int>(count);
  const double kept = first ? 0.0 : 1.0;
  parallel_for(side * (side + 1) / 2, [&](std::size_t block) {
    std::size_t i = 0;
    while ((i + 1) * (i + 2) / 2 <= block) ++i;
    const std::size_t j = block - i * (i + 1) / 2;
    const std::size_t row = i * tile, col = j * tile;
    const int height = static_cast<int>(std::min(tile, n - row)), width = static_cast<int>(std::min(tile, n - col));
    // Row-major rows are the column-major n x count matrix, so this is its product with its transpose.
    double* out = &c.data[col * n + row];
    if (i == j) {
      blas::syrk_lower(height, k, scale, rows + row, ld, kept, out, ld);
    } else {
      blas::gemm(false, true, height, width, k, scale, rows + row, ld, rows + col, ld, kept, out, ld);
    }
  });
}

// Rows and products of a few assets, padded to whole vectors.
class FewAssets {
 public:
  explicit FewAssets(std::size_t assets)
      : assets_(assets),
        width_((assets + kernels_.multiple - 1) / kernels_.multiple * kernels_.multiple),
        sums_(width_ * width_) {}

  std::size_t width() const { return width_; }
  void add(const double* rows, std::size_t count) { kernels_.add(rows, count, width_, sums_.data()); }
  // The upper triangle of scale * the sum.
  Matrix product(double scale) const {
    Matrix out(assets_, assets_);
    for (std::size_t i = 0; i < assets_; ++i) {
      for (std::size_t j = i; j < assets_; ++j) out(i, j) = scale * sums_[i * width_ + j];
    }
    return out;
  }

 private:
  const CrossProductKernels& kernels_ = PORTFOLIO_SIMD_CHOOSE(cross_product_kernels);
  std::size_t assets_, width_;
  std::vector<double> sums_;
};

template <class T>
CovarianceResult estimate_few(BasicMatrixView<T> returns, const CovarianceOptions& options) {
  ObservationSummary seen;
  const Centring centre = centring(returns, options, seen);
  const bool again = needs_second_moment(seen, options);
  FewAssets product(returns.cols), second(again ? returns.cols : 0);
  const std::size_t width = product.width(), height = kNear / width;
  std::vector<double> strip(height * width);
  for (std::size_t t = 0; t < returns.rows; t += height) {
    const std::size_t count = std::min(height, returns.rows - t);
    centre_rows(returns, centre, t, count, seen, width, strip.data());
    product.add(strip.data(), count);
    if (!again) continue;
    weigh_again(seen, t, count, width, strip.data());
    second.add(strip.data(), count);
  }
  const double scale = cross_product_scale(seen, options);
  return finish_covariance(std::move(seen), product.product(scale), second.product(1.0), options);
}

// The table is read twice, for the means and for the product, strip by strip: no centred copy of it is made.
template <class T>
CovarianceResult estimate(BasicMatrixView<T> returns, const CovarianceOptions& options) {
  if (returns.cols <= kFew) return estimate_few(returns, options);
  const std::size_t n = returns.cols, height = strip_rows(n);
  ObservationSummary seen;
  const Centring centre = centring(returns, options, seen);
  const double scale = cross_product_scale(seen, options);
  const bool again = needs_second_moment(seen, options);
  Matrix product(n, n), second = again ? Matrix(n, n) : Matrix();
  std::vector<double> strip(std::min(height, returns.rows) * n);
  for (std::size_t t = 0; t < returns.rows; t += height) {
    const std::size_t count = std::min(height, returns.rows - t);
    centre_rows(returns, centre, t, count, seen, n, strip.data());
    add_cross_product(strip.data(), count, scale, t == 0, product);
    if (!again) continue;
    weigh_again(seen, t, count, n, strip.data());
    add_cross_product(strip.data(), count, 1.0, t == 0, second);
  }
  return finish_covariance(std::move(seen), std::move(product), second, options);
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
