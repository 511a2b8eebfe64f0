#include "active_set_hessian.hpp"

#include <algorithm>

#include "active_set_loops.hpp"

namespace portfolio::active {

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
  for (int i = 0; i < k; ++i) out[i] = dot(k, factors_.F.data + static_cast<std::size_t>(i) * factors_.F.cols, v);
}

void Hessian::diagonal(double* out) const {
  if (zero()) std::fill_n(out, n_, 0.0);
  for (std::size_t j = 0; j < n_ && dense_; ++j) out[j] = dense_(j, j);
  if (!factors_.B) return;
  const std::size_t k = factors_.B.cols;
  for (std::size_t j = 0; j < n_; ++j) {
    const double* b = factors_.B.data + j * k;
    times_F(b, weighted_.data());
    out[j] = dot(static_cast<int>(k), b, weighted_.data()) + (factors_.D ? factors_.D[j] : 0.0);
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
      out[i] = dot(static_cast<int>(k), factors_.B.data + at * k, weighted_.data());
      if (index[i] == j && factors_.D) out[i] += factors_.D[row];
    }
  } else {
    std::fill_n(out, count, 0.0);
  }
}

void Hessian::add_product(const int* index, const double* x, int count, double* y) const {
  if (dense_) {
    accumulate(
        static_cast<int>(n_), count, [&](int f) { return dense_.data + static_cast<std::size_t>(index[f]) * n_; }, x,
        y);
  } else if (factors_.B) {
    const std::size_t k = factors_.B.cols;
    std::fill(exposure_.begin(), exposure_.end(), 0.0);
    accumulate(
        static_cast<int>(k), count, [&](int f) { return factors_.B.data + static_cast<std::size_t>(index[f]) * k; }, x,
        exposure_.data());
    times_F(exposure_.data(), weighted_.data());
    for (std::size_t j = 0; j < n_; ++j) y[j] += dot(static_cast<int>(k), factors_.B.data + j * k, weighted_.data());
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
