#include "critical_line_factor.hpp"

#include <algorithm>
#include <cmath>

namespace portfolio::critical_line {
namespace {

// One pass for W right-hand sides that stay in registers; X has `width` columns of which this takes the first W.
template <std::size_t W>
void forward_columns(const double* L, std::size_t lda, std::size_t k, double* X, std::size_t width) {
  for (std::size_t i = 0; i < k; ++i) {
    const double* row = L + i * lda;
    double even[W] = {}, odd[W] = {};
    std::size_t j = 0;
    for (; j + 1 < i; j += 2) {
      for (std::size_t c = 0; c < W; ++c) even[c] += row[j] * X[j * width + c];
      for (std::size_t c = 0; c < W; ++c) odd[c] += row[j + 1] * X[(j + 1) * width + c];
    }
    for (; j < i; ++j) {
      for (std::size_t c = 0; c < W; ++c) even[c] += row[j] * X[j * width + c];
    }
    for (std::size_t c = 0; c < W; ++c) X[i * width + c] = (X[i * width + c] - (even[c] + odd[c])) / row[i];
  }
}

template <std::size_t W>
void backward_columns(const double* L, std::size_t lda, std::size_t k, double* X, std::size_t width) {
  for (std::size_t i = k; i-- > 0;) {
    const double* row = L + i * lda;
    double value[W];
    for (std::size_t c = 0; c < W; ++c) value[c] = X[i * width + c] /= row[i];
    for (std::size_t j = 0; j < i; ++j) {
      for (std::size_t c = 0; c < W; ++c) X[j * width + c] -= row[j] * value[c];
    }
  }
}

}  // namespace

void Factor::reserve(std::size_t k) {
  if (k <= capacity_) return;
  const std::size_t wider = std::max({k, 2 * capacity_, std::size_t{16}});
  std::vector<double> moved(wider * wider);
  for (std::size_t i = 0; i < k_; ++i) std::copy(row(i), row(i) + i + 1, moved.data() + i * wider);
  L_.swap(moved);
  capacity_ = wider;
}

bool Factor::append(const double* column, double diagonal, double tolerance) {
  reserve(k_ + 1);
  double* last = row(k_);
  std::copy(column, column + k_, last);
  forward(last, 1);
  double pivot = diagonal;
  for (std::size_t j = 0; j < k_; ++j) pivot -= last[j] * last[j];
  if (!(pivot > tolerance * diagonal)) return false;
  last[k_++] = std::sqrt(pivot);
  return true;
}

void Factor::remove(std::size_t i) {
  for (std::size_t r = i + 1; r < k_; ++r) std::copy(row(r), row(r) + r + 1, row(r - 1));
  --k_;
  // Row r now reaches one column beyond its diagonal; rotations of neighbouring columns bring it back.
  std::vector<double> cosine(k_), sine(k_);
  for (std::size_t r = i; r < k_; ++r) {
    double* entries = row(r);
    double carried = entries[i];
    for (std::size_t c = i; c < r; ++c) {
      const double next = entries[c + 1];
      entries[c] = cosine[c] * carried + sine[c] * next;
      carried = cosine[c] * next - sine[c] * carried;
    }
    const double beyond = entries[r + 1], length = std::hypot(carried, beyond);
    cosine[r] = carried / length;
    sine[r] = beyond / length;
    entries[r] = length;
  }
}

void Factor::assign(std::size_t k, const double* lower) {
  k_ = 0;
  reserve(k);
  k_ = k;
  for (std::size_t i = 0; i < k; ++i) std::copy(lower + i * k, lower + i * k + i + 1, row(i));
}

void Factor::forward(double* X, std::size_t width) const {
  std::size_t c = 0;
  for (; c + 4 <= width; c += 4) forward_columns<4>(L_.data(), capacity_, k_, X + c, width);
  if (width - c >= 2) forward_columns<2>(L_.data(), capacity_, k_, X + c, width), c += 2;
  if (c < width) forward_columns<1>(L_.data(), capacity_, k_, X + c, width);
}

void Factor::backward(double* X, std::size_t width) const {
  std::size_t c = 0;
  for (; c + 2 <= width; c += 2) backward_columns<2>(L_.data(), capacity_, k_, X + c, width);
  if (c < width) backward_columns<1>(L_.data(), capacity_, k_, X + c, width);
}

}  // namespace portfolio::critical_line
