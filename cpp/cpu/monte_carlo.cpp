#include "portfolio/monte_carlo.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "blas.hpp"
#include "checks.hpp"
#include "cpu_backend.hpp"
#include "normals.hpp"
#include "parallel.hpp"
#include "philox.hpp"
#include "psd_factor.hpp"
#include "sample_statistics.hpp"

namespace portfolio {
namespace {

constexpr std::size_t kPaths = 512;  // paths of one block: their draws stay in the cache

void draw(const DrawRange& range, std::size_t count, float* out) { normal_kernels().normals32(range, count, out); }
void draw(const DrawRange& range, std::size_t count, double* out) { normal_kernels().normals64(range, count, out); }
void chi(const DrawRange& range, int degrees, float* out) { normal_kernels().chi_squared32(range, degrees, out); }
void chi(const DrawRange& range, int degrees, double* out) { normal_kernels().chi_squared64(range, degrees, out); }

// The normal variables that the returns are made of: their mean and factor.
template <class T>
struct Model {
  std::size_t n = 0, rank = 0;
  std::vector<T> mean, factor;  // n, and n x rank row-major

  Model(const std::vector<double>& m, const Matrix& f) : n(f.rows), rank(f.cols) {
    mean.assign(m.begin(), m.end());
    factor.assign(f.data.begin(), f.data.end());
  }
};

// Mean and covariance of log(1 + R) such that 1 + R is lognormal with the given moments of R.
Matrix log_moments(std::vector<double>& mean, MatrixView covariance) {
  const std::size_t n = mean.size();
  Matrix out(n, n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      const double ratio = covariance(i, j) / ((1.0 + mean[i]) * (1.0 + mean[j]));
      if (!(ratio > -1.0)) {
        fail("simulate", "covariance", "one that lognormal returns can have",
             "too negative an entry at " + position(i * n + j, n, n));
      }
      out(i, j) = std::log1p(ratio);
    }
  }
  for (std::size_t i = 0; i < n; ++i) mean[i] = std::log1p(mean[i]) - 0.5 * out(i, i);
  return out;
}

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
  if (options_.distribution == Distribution::lognormal) {
    for (T& r : returns_) r = std::expm1(r);
  }
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
void run_blocks(const std::vector<double>& mean, const Matrix& factor, VectorView weights,
                const SimulateOptions& options, SimulateResult& result) {
  const Model<T> model(mean, factor);
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
  std::vector<double> centre(mean.data, mean.data + mean.size);
  const bool lognormal = options.distribution == Distribution::lognormal;
  const Matrix logs = lognormal ? log_moments(centre, covariance) : Matrix();
  const Matrix factor = psd_factor(lognormal ? logs.view() : covariance, "simulate", "covariance");
  SimulateResult result;
  result.seed = options.seed;
  result.values.resize(options.scenarios);
  if (options.keep_returns) result.returns = Matrix(options.scenarios, mean.size);
  if (options.precision == Precision::float32) {
    run_blocks<float>(centre, factor, weights, options, result);
  } else {
    run_blocks<double>(centre, factor, weights, options, result);
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
