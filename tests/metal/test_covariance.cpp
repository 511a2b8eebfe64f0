// The tiles of a cross product Y'Y, with simdgroup matrices and without, against float64.
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "check.hpp"
#include "emulator.hpp"
#include "params.h"

namespace {

constexpr std::uint32_t kTile = 32, kThreads = 128;
constexpr float kUntouched = -7.0f;
const double kUnit = std::ldexp(1.0, -24);  // float32 rounds by up to this share

struct Batch {
  std::vector<CovarianceEntry> entries;
  std::vector<CovarianceTile> tiles;
  std::vector<float> observations, products;

  void add(std::uint32_t rows, std::uint32_t assets) {
    const auto entry = static_cast<std::uint32_t>(entries.size());
    entries.push_back(
        {rows, assets, static_cast<std::uint32_t>(observations.size()), static_cast<std::uint32_t>(products.size())});
    std::mt19937 engine(rows * 1000 + assets);
    std::normal_distribution<float> normal;
    for (std::uint32_t k = 0; k < rows * assets; ++k) observations.push_back(normal(engine));
    products.resize(products.size() + assets * assets, kUntouched);
    for (std::uint32_t row = 0; row < assets; row += kTile) {
      for (std::uint32_t column = 0; column <= row; column += kTile) tiles.push_back({entry, row, column, 0});
    }
  }

  void run(const std::string& kernel) {
    emulator::dispatch(kernel, {.arguments = {emulator::buffer(observations), emulator::buffer(products),
                                              emulator::buffer(entries), emulator::buffer(tiles)},
                                .groups = {static_cast<std::uint32_t>(tiles.size()), 1, 1},
                                .threads = {kThreads, 1, 1}});
  }
};

double product(const Batch& batch, const CovarianceEntry& e, std::uint32_t i, std::uint32_t j) {
  double sum = 0.0;
  for (std::uint32_t t = 0; t < e.rows; ++t) {
    const float* row = &batch.observations[e.observations + t * e.assets];
    sum += static_cast<double>(row[i]) * static_cast<double>(row[j]);
  }
  return sum;
}

// Within a block of 128 rows each addition rounds; after it nothing is lost but the last rounding.
void check_products(const Batch& batch) {
  for (const CovarianceEntry& e : batch.entries) {
    std::vector<double> norms;
    for (std::uint32_t i = 0; i < e.assets; ++i) norms.push_back(std::sqrt(product(batch, e, i, i)));
    double worst = 0.0;
    bool upper_untouched = true;
    for (std::uint32_t i = 0; i < e.assets; ++i) {
      for (std::uint32_t j = 0; j < e.assets; ++j) {
        const float got = batch.products[e.product + i * e.assets + j];
        if (j > i) {
          upper_untouched = upper_untouched && got == kUntouched;
        } else {
          const double error = std::fabs(static_cast<double>(got) - product(batch, e, i, j));
          worst = std::fmax(worst, error / (norms[i] * norms[j]));
        }
      }
    }
    CHECK(worst <= 130.0 * kUnit);  // certain
    CHECK(worst <= 8.0 * kUnit);    // what rounding errors of either sign leave of it
    CHECK(upper_untouched);
  }
}

// One row in each block counts, so that only the sum over blocks can lose anything.
void check_compensation(const std::string& kernel) {
  constexpr std::uint32_t kBlocks = 300;
  Batch batch;
  batch.add(128 * kBlocks, 1);
  for (std::size_t t = 0; t < batch.observations.size(); ++t) batch.observations[t] = t % 128 == 5 ? 0.7f : 0.0f;
  batch.run(kernel);
  const double want = static_cast<double>(kBlocks) * static_cast<double>(0.7f * 0.7f);
  CHECK_NEAR(static_cast<double>(batch.products[0]), want, kUnit * want);
}

}  // namespace

int main() {
  for (const char* kernel : {"covariance_tiles", "covariance_tiles_plain"}) {
    Batch batch;
    for (const std::uint32_t assets : {1u, 31u, 32u, 33u, 63u, 64u, 65u, 7u}) batch.add(40, assets);
    for (const std::uint32_t rows : {1u, 2u, 31u, 32u, 33u, 127u, 128u, 129u, 257u}) batch.add(rows, 35);
    batch.run(kernel);
    check_products(batch);
    check_compensation(kernel);
  }
  return check::finish();
}
