#include "active_set_hessian.hpp"

#include <algorithm>

#include "active_set_loops.hpp"
#include "blas.hpp"

namespace portfolio::active {
namespace {

constexpr std::size_t kBlock = 256;  // rows of B that are weighted together

}  // namespace

void Hessian::attach(const QpProblem& problem) {
  n_ = problem.q.size;
  dense_ = problem.P;
  factors_ = problem.factors;
  exposure_.resize(factors_.B ? factors_.B.cols : 0);
  weighted_.resize(exposure_.size());
  values_.reserve(n_);
  places_.reserve(n_);
}

void Hessian::times_F(const double* v, double* out) const {
  const int k = static_cast<int>(factors_.B.cols);
  if (!factors_.F) {
    std::copy_n(v, k, out);
    return;
  }
  std::fill_n(out, k, 0.0);
  loops().dots(k, k, factors_.F.data, factors_.F.cols, v, out);
}

void Hessian::diagonal(double* out) {
  if (zero()) std::fill_n(out, n_, 0.0);
  for (std::size_t j = 0; j < n_ && dense_; ++j) out[j] = dense_(j, j);
  if (!factors_.B) return;
  const std::size_t k = factors_.B.cols;
  const int factors = static_cast<int>(k);
  block_.resize(factors_.F ? kBlock * k : 0);
  for (std::size_t first = 0; first < n_; first += kBlock) {
    const std::size_t rows = std::min(kBlock, n_ - first);
    const double* b = factors_.B.data + first * k;
    const double* weighted = b;
    if (factors_.F && k > 0) {
      blas::gemm(false, false, factors, static_cast<int>(rows), factors, 1.0, factors_.F.data, factors, b, factors, 0.0,
                 block_.data(), factors);
      weighted = block_.data();
    }
    for (std::size_t j = 0; j < rows; ++j) {
      out[first + j] = loops().dot(factors, b + j * k, weighted + j * k) + (factors_.D ? factors_.D[first + j] : 0.0);
    }
  }
}

void Hessian::gather(int j, const int* index, int count, double* out) const {
  const auto row = static_cast<std::size_t>(j);
  if (dense_) {
    const double* p = dense_.data + row * n_;
    for (int i = 0; i < count; ++i) out[i] = p[index[i]];
  } else if (factors_.B) {
    const std::size_t k = factors_.B.cols;
    times_F(factors_.B.data + row * k, weighted_.data());
    for (int i = 0; i < count; ++i) {
      const auto at = static_cast<std::size_t>(index[i]);
      out[i] = loops().dot(static_cast<int>(k), factors_.B.data + at * k, weighted_.data());
      if (index[i] == j && factors_.D) out[i] += factors_.D[row];
    }
  } else {
    std::fill_n(out, count, 0.0);
  }
}

void Hessian::add_product(const int* index, const double* x, int count, double* y) const {
  if (dense_) {
    loops().accumulate(static_cast<int>(n_), count, dense_.data, n_, index, x, y);
  } else if (factors_.B) {
    const std::size_t k = factors_.B.cols;
    std::fill(exposure_.begin(), exposure_.end(), 0.0);
    loops().accumulate(static_cast<int>(k), count, factors_.B.data, k, index, x, exposure_.data());
    times_F(exposure_.data(), weighted_.data());
    loops().dots(static_cast<int>(n_), static_cast<int>(k), factors_.B.data, k, weighted_.data(), y);
    for (int f = 0; f < count && factors_.D; ++f) y[index[f]] += factors_.D[static_cast<std::size_t>(index[f])] * x[f];
  }
}

void Hessian::add_product(const double* x, double* y) const {
  values_.clear();
  places_.clear();
  for (std::size_t j = 0; j < n_; ++j) {
    if (x[j] == 0.0) continue;
    places_.push_back(static_cast<int>(j));
    values_.push_back(x[j]);
  }
  add_product(places_.data(), values_.data(), static_cast<int>(places_.size()), y);
}

}  // namespace portfolio::active
