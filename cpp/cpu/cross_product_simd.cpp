#include "cross_product.hpp"
#include "lanes.hpp"

namespace {

constexpr std::size_t kLanes = kRegister / sizeof(double), kHeight = 4, kWide = 3;

// A tile of kHeight rows and `Wide` vectors of c stays in registers while all rows of the table pass.
template <std::size_t Wide>
void add_tile(const double* left, const double* right, std::size_t count, std::size_t width, double* c) {
  F64 sum[kHeight][Wide];
  for (std::size_t r = 0; r < kHeight; ++r) {
    for (std::size_t w = 0; w < Wide; ++w) sum[r][w] = load<F64>(c + r * width + w * kLanes);
  }
  for (std::size_t t = 0; t < count; ++t, left += width, right += width) {
    F64 across[Wide];
    for (std::size_t w = 0; w < Wide; ++w) across[w] = load<F64>(right + w * kLanes);
    for (std::size_t r = 0; r < kHeight; ++r) {
      const F64 down = all<F64>(left[r]);
      for (std::size_t w = 0; w < Wide; ++w) sum[r][w] += down * across[w];
    }
  }
  for (std::size_t r = 0; r < kHeight; ++r) {
    for (std::size_t w = 0; w < Wide; ++w) store(c + r * width + w * kLanes, sum[r][w]);
  }
}

void add(const double* rows, std::size_t count, std::size_t width, double* c) {
  for (std::size_t i = 0; i < width; i += kHeight) {
    std::size_t j = i / kLanes * kLanes, left = (width - j) / kLanes;  // vectors of this row of tiles
    while (left > 0) {
      double* tile = c + i * width + j;
      // The rest as 3s and 2s: a single vector would wait for its own sums.
      const std::size_t wide = left == 4 || left == 2 ? 2 : left < kWide ? left : kWide;
      if (wide == 3) add_tile<3>(rows + i, rows + j, count, width, tile);
      if (wide == 2) add_tile<2>(rows + i, rows + j, count, width, tile);
      if (wide == 1) add_tile<1>(rows + i, rows + j, count, width, tile);
      left -= wide;
      j += wide * kLanes;
    }
  }
}

}  // namespace

namespace portfolio::PORTFOLIO_LEVEL {

const CrossProductKernels cross_product_kernels{kLanes > kHeight ? kLanes : kHeight, &add};

}  // namespace portfolio::PORTFOLIO_LEVEL
