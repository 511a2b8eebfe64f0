// Covariances: observations are centred and scaled on the CPU in float64, their cross products summed on the GPU in
// float32, statistics and shrinkage finished on the CPU in float64 by its own code.
#include <algorithm>
#include <cmath>
#include <limits>

#include "attempt.hpp"
#include "covariance_steps.hpp"
#include "kernels/params.h"
#include "metal_backend.hpp"
#include "parallel.hpp"

namespace portfolio::metal {
namespace {

constexpr std::uint32_t kTile = 32, kThreads = 128;
constexpr std::size_t kChunkFloats = std::size_t{16} << 20;  // observations and products in memory at a time
constexpr double kCommandWork = 1e10;  // multiply-adds in a command buffer, below 100 ms at 0.1 TFLOP/s
constexpr double kWorthwhile = 1e9;    // multiply-adds; docs/numerics/covariance.md

constexpr const char* kSizeRule = "size rule: below 1e9 multiply-adds the CPU is as fast, in float64";

// Y with each column divided by a power of two that brings its largest entry to [1, 2): mixed units cost no accuracy.
struct Table {
  const Matrix* rows = nullptr;
  std::vector<double> units;
  CovarianceEntry entry{};

  explicit Table(const Matrix& y) : rows(&y), units(y.cols, 0.0) {
    for (std::size_t t = 0; t < y.rows; ++t) {
      for (std::size_t j = 0; j < y.cols; ++j) units[j] = std::fmax(units[j], std::fabs(y(t, j)));
    }
    for (double& unit : units) unit = unit > 0.0 ? std::ldexp(1.0, std::max(std::ilogb(unit), -1000)) : 1.0;
  }

  void pack(float* observations) const {
    float* out = observations + entry.observations;
    for (std::size_t t = 0; t < rows->rows; ++t) {
      for (std::size_t j = 0; j < rows->cols; ++j) *out++ = static_cast<float>((*rows)(t, j) / units[j]);
    }
  }

  // scale * Y'Y from the lower triangle, so that both are equal bit for bit.
  Matrix unpack(const float* products, double scale) const {
    const std::size_t n = units.size();
    const float* in = products + entry.product;
    Matrix out(n, n);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j <= i; ++j) {
        out(i, j) = out(j, i) = scale * static_cast<double>(in[i * n + j]) * units[i] * units[j];
      }
    }
    return out;
  }
};

// The cross products of some tables, all in memory at once.
class CrossProducts {
 public:
  CrossProducts(Gpu& gpu, std::vector<Table>& tables) {
    std::size_t floats = 0, results = 0;
    for (Table& table : tables) {
      const std::size_t rows = table.rows->rows, n = table.rows->cols;
      table.entry = {static_cast<std::uint32_t>(rows), static_cast<std::uint32_t>(n),
                     static_cast<std::uint32_t>(floats), static_cast<std::uint32_t>(results)};
      floats += rows * n;
      results += n * n;
    }
    const std::size_t most = std::numeric_limits<std::uint32_t>::max();
    if (floats > most || results > most) throw Failure("covariance: more numbers than a GPU buffer is addressed by");
    observations_ = gpu.allocate(floats * sizeof(float));
    products_ = gpu.allocate(results * sizeof(float));
    parallel_for(tables.size(), [&](std::size_t k) { tables[k].pack(observations_.data<float>()); });
    run(gpu, tables);
  }

  const float* data() const { return products_.data<float>(); }

 private:
  void run(Gpu& gpu, const std::vector<Table>& tables) {
    const std::string kernel = gpu.limits().simdgroup_matrix ? "covariance_tiles" : "covariance_tiles_plain";
    if (gpu.threads_limit(kernel) < kThreads) throw Failure("covariance needs 128 threads in a threadgroup");
    std::vector<CovarianceEntry> entries;
    std::vector<CovarianceTile> tiles;
    for (const Table& table : tables) {
      for (std::uint32_t row = 0; row < table.entry.assets; row += kTile) {
        for (std::uint32_t column = 0; column <= row; column += kTile) {
          tiles.push_back({static_cast<std::uint32_t>(entries.size()), row, column, 0});
        }
      }
      entries.push_back(table.entry);
    }
    const Buffer where = gpu.share(entries.data(), entries.size() * sizeof(CovarianceEntry));
    const Buffer what = gpu.share(tiles.data(), tiles.size() * sizeof(CovarianceTile));
    for (std::size_t begin = 0, end = 0; begin < tiles.size(); begin = end) {
      double work = 0.0;
      for (; end < tiles.size() && work < kCommandWork; ++end) {
        work += static_cast<double>(entries[tiles[end].entry].rows) * kTile * kTile;
      }
      gpu.run({{kernel,
                {Argument::buffer(observations_), Argument::buffer(products_), Argument::buffer(where),
                 Argument::buffer(what, begin * sizeof(CovarianceTile))},
                {static_cast<std::uint32_t>(end - begin), 1, 1},
                kThreads}});
    }
  }

  Buffer observations_, products_;
};

// Universes first .. last, whose second moments are further tables of the same command buffer.
template <class T>
void estimate(Gpu& gpu, const BasicMatrixView<T>* universes, std::size_t count, const CovarianceOptions& options,
              CovarianceResult* out) {
  std::vector<CentredObservations> observations(count);
  std::vector<Matrix> weighted(count);
  parallel_for(count, [&](std::size_t k) {
    observations[k] = centred(universes[k], options);
    weighted[k] = second_moment_rows(observations[k], options);
  });
  std::vector<Table> tables;
  for (const CentredObservations& each : observations) tables.emplace_back(each.rows);
  for (const Matrix& rows : weighted) {
    if (!rows.data.empty()) tables.emplace_back(rows);
  }
  const CrossProducts products(gpu, tables);
  const bool second = tables.size() > count;
  parallel_for(count, [&](std::size_t k) {
    const double scale = cross_product_scale(observations[k], options);
    const Matrix moments = second ? tables[count + k].unpack(products.data(), 1.0) : Matrix();
    out[k] = finish_covariance(std::move(observations[k]), tables[k].unpack(products.data(), scale), moments, options);
  });
}

template <class T>
std::vector<CovarianceResult> on_gpu(Gpu& gpu, const std::vector<BasicMatrixView<T>>& universes,
                                     const CovarianceOptions& options) {
  std::vector<CovarianceResult> out(universes.size());
  const std::size_t tables = options.weights && options.method == CovarianceMethod::ledoit_wolf ? 2 : 1;
  for (std::size_t begin = 0, end = 0; begin < universes.size(); begin = end) {
    for (std::size_t floats = 0; end < universes.size() && (end == begin || floats < kChunkFloats); ++end) {
      floats += tables * (universes[end].rows + universes[end].cols) * universes[end].cols;
    }
    estimate(gpu, &universes[begin], end - begin, options, &out[begin]);
  }
  return out;
}

template <class T>
double work_of(const std::vector<BasicMatrixView<T>>& universes) {
  double work = 0.0;
  for (const auto& x : universes) {
    work += 0.5 * static_cast<double>(x.rows) * static_cast<double>(x.cols) * static_cast<double>(x.cols);
  }
  return work;
}

template <class T, class CpuWork>
std::vector<CovarianceResult> estimate_batch(bool only_where_faster, const std::vector<BasicMatrixView<T>>& universes,
                                             const CovarianceOptions& options, const CpuWork& cpu_work) {
  if (only_where_faster && work_of(universes) < kWorthwhile) return on_cpu(kSizeRule, cpu_work);
  return attempt([&](Gpu& gpu) { return on_gpu(gpu, universes, options); }, cpu_work);
}

}  // namespace

CovarianceResult MetalBackend::covariance(MatrixView returns, const CovarianceOptions& options) const {
  const std::vector<MatrixView> universes = {returns};
  return std::move(estimate_batch(only_where_faster(), universes, options, [&] {
                     return CpuBackend::covariance_batch(universes, options);
                   }).front());
}

CovarianceResult MetalBackend::covariance(BasicMatrixView<float> returns, const CovarianceOptions& options) const {
  const std::vector<BasicMatrixView<float>> universes = {returns};
  return std::move(estimate_batch(only_where_faster(), universes, options, [&] {
                     return std::vector{CpuBackend::covariance(returns, options)};
                   }).front());
}

std::vector<CovarianceResult> MetalBackend::covariance_batch(const std::vector<MatrixView>& universes,
                                                             const CovarianceOptions& options) const {
  return estimate_batch(only_where_faster(), universes, options,
                        [&] { return CpuBackend::covariance_batch(universes, options); });
}

}  // namespace portfolio::metal
