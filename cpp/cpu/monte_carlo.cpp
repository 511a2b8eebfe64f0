#include "portfolio/monte_carlo.hpp"

#include <algorithm>
#include <cmath>

#include "blas.hpp"
#include "cpu_backend.hpp"
#include "normals.hpp"
#include "parallel.hpp"
#include "philox.hpp"
#include "return_model.hpp"
#include "sample_statistics.hpp"

namespace portfolio {
namespace {

constexpr std::size_t kPaths = 512;  // paths of one block: their draws stay in the cache

const NormalKernels& normal_kernels() { return PORTFOLIO_SIMD_CHOOSE(normal_kernels); }

void draw(const DrawRange& range, std::size_t count, float* out) { normal_kernels().normals32(range, count, out); }
void draw(const DrawRange& range, std::size_t count, double* out) { normal_kernels().normals64(range, count, out); }
void chi(const DrawRange& range, int degrees, float* out) { normal_kernels().chi_squared32(range, degrees, out); }
void chi(const DrawRange& range, int degrees, double* out) { normal_kernels().chi_squared64(range, degrees, out); }

void expm1s(std::vector<float>& values) { normal_kernels().expm1s32(values.size(), values.data()); }
void expm1s(std::vector<double>& values) {
  for (double& v : values) v = std::expm1(v);
}

// The normal variables that the returns are made of: their mean and factor.
template <class T>
struct Model {
  std::size_t n = 0, rank = 0;
  std::vector<T> mean, factor;  // n, and n x rank row-major

  explicit Model(const ReturnModel& wide) : n(wide.factor.rows), rank(wide.factor.cols) {
    mean.assign(wide.mean.begin(), wide.mean.end());
    factor.assign(wide.factor.data.begin(), wide.factor.data.end());
  }
};

// One block of paths through all steps. Arrays are asset by asset: entry (path p, asset i) is at [i * paths + p].
template <class T>
class Block {
 public:
  Block(const Model<T>& model, VectorView weights, const SimulateOptions& options, std::size_t first)
      : model_(model),
        weights_(weights),
        options_(options),
        first_(first),
        paths_(std::min(kPaths, options.scenarios - first)),
        normals_(model.rank * paths_),
        returns_(model.n * paths_),
        scale_(options.distribution == Distribution::student_t ? paths_ : 0) {}

  // Terminal values into values[first ..]; the first step's returns into `kept` (scenarios x n) when it is given.
  void run(double* values, Matrix& kept);

 private:
  void step(std::uint32_t number);
  void keep(Matrix& kept) const;
  void hold(double* values);
  void rebalance(double* values) const;

  const Model<T>& model_;
  VectorView weights_;
  const SimulateOptions& options_;
  std::size_t first_, paths_;
  std::vector<T> normals_, returns_, scale_;
  std::vector<double> growth_;
};

template <class T>
void Block<T>::step(std::uint32_t number) {
  const DrawRange range{options_.seed, first_, paths_, number};
  draw(range, model_.rank, normals_.data());
  if (!scale_.empty()) {
    const T degrees = static_cast<T>(options_.degrees_of_freedom);
    chi(range, options_.degrees_of_freedom, scale_.data());
    for (T& s : scale_) s = std::sqrt((degrees - T(2)) / s);  // unit variance
    for (std::size_t k = 0; k < model_.rank; ++k) {
      for (std::size_t p = 0; p < paths_; ++p) normals_[k * paths_ + p] *= scale_[p];
    }
  }
  for (std::size_t i = 0; i < model_.n; ++i) {
    std::fill_n(returns_.begin() + static_cast<std::ptrdiff_t>(i * paths_), paths_, model_.mean[i]);
  }
  if (model_.rank > 0) {
    const int m = static_cast<int>(paths_), n = static_cast<int>(model_.n), k = static_cast<int>(model_.rank);
    blas::gemm(false, false, m, n, k, T(1), normals_.data(), m, model_.factor.data(), k, T(1), returns_.data(), m);
  }
  if (options_.distribution == Distribution::lognormal) expm1s(returns_);
}

template <class T>
void Block<T>::keep(Matrix& kept) const {
  for (std::size_t p = 0; p < paths_; ++p) {
    for (std::size_t i = 0; i < model_.n; ++i) kept(first_ + p, i) = static_cast<double>(returns_[i * paths_ + p]);
  }
}

template <class T>
void Block<T>::hold(double* values) {
  for (std::size_t k = 0; k < growth_.size(); ++k) growth_[k] *= 1.0 + static_cast<double>(returns_[k]);
  std::fill_n(values, paths_, 0.0);
  for (std::size_t i = 0; i < model_.n; ++i) {
    for (std::size_t p = 0; p < paths_; ++p) values[p] += weights_[i] * (growth_[i * paths_ + p] - 1.0);
  }
  for (std::size_t p = 0; p < paths_; ++p) values[p] = options_.initial_value * (1.0 + values[p]);
}

template <class T>
void Block<T>::rebalance(double* values) const {
  double earned[kPaths] = {};
  for (std::size_t i = 0; i < model_.n; ++i) {
    for (std::size_t p = 0; p < paths_; ++p) {
      earned[p] += weights_[i] * static_cast<double>(returns_[i * paths_ + p]);
    }
  }
  for (std::size_t p = 0; p < paths_; ++p) values[p] *= 1.0 + earned[p];
}

template <class T>
void Block<T>::run(double* values, Matrix& kept) {
  values += first_;
  const bool holds = !options_.rebalanced && options_.horizon > 1;
  if (holds) growth_.assign(model_.n * paths_, 1.0);
  std::fill_n(values, paths_, options_.initial_value);
  for (std::size_t t = 0; t < options_.horizon; ++t) {
    options_.interrupt.check("simulate");
    step(static_cast<std::uint32_t>(t));
    if (t == 0 && kept.rows > 0) keep(kept);
    if (!holds) {
      rebalance(values);
    } else if (t + 1 < options_.horizon) {
      for (std::size_t k = 0; k < growth_.size(); ++k) growth_[k] *= 1.0 + static_cast<double>(returns_[k]);
    } else {
      hold(values);
    }
  }
}

template <class T>
void run_blocks(const ReturnModel& wide, VectorView weights, const SimulateOptions& options, SimulateResult& result) {
  const Model<T> model(wide);
  parallel_for(block_count(options.scenarios, kPaths), [&](std::size_t block) {
    Block<T>(model, weights, options, block * kPaths).run(result.values.data(), result.returns);
  });
}

}  // namespace

std::array<std::uint32_t, 4> philox4x32_10(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  const PhiloxBlock out = philox({counter[0], counter[1], counter[2], counter[3]}, key[0], key[1]);
  return {out.x0, out.x1, out.x2, out.x3};
}

Matrix standard_normals(std::uint64_t seed, std::uint64_t first_path, std::size_t paths, std::uint32_t step,
                        std::size_t count, Precision precision) {
  const DrawRange range{seed, first_path, paths, step};
  std::vector<double> draws(paths * count);
  if (precision == Precision::float32) {
    std::vector<float> narrow(paths * count);
    draw(range, count, narrow.data());
    std::copy(narrow.begin(), narrow.end(), draws.begin());
  } else {
    draw(range, count, draws.data());
  }
  Matrix out(paths, count);
  for (std::size_t p = 0; p < paths; ++p) {
    for (std::size_t k = 0; k < count; ++k) out(p, k) = draws[k * paths + p];
  }
  return out;
}

SimulateResult CpuBackend::simulate(VectorView mean, MatrixView covariance, VectorView weights,
                                    const SimulateOptions& options) const {
  const ReturnModel model = return_model(mean, covariance, options.distribution);
  SimulateResult result;
  result.seed = options.seed;
  result.values.resize(options.scenarios);
  if (options.keep_returns) result.returns = Matrix(options.scenarios, mean.size);
  if (options.precision == Precision::float32) {
    run_blocks<float>(model, weights, options, result);
  } else {
    run_blocks<double>(model, weights, options, result);
  }
  if (options.keep_values) {
    std::vector<double> copy = result.values;
    summarise(copy, options, result);
  } else {
    summarise(result.values, options, result);
    result.values = {};
  }
  return result;
}

}  // namespace portfolio
