#include "active_set_inverse.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "active_set_loops.hpp"

namespace portfolio::active {

void Inverse::reserve(int capacity) {
  if (capacity <= capacity_) return;
  const std::size_t stride = static_cast<std::size_t>((capacity + 3) / 4 * 4);
  std::vector<double> grown(stride * stride);
  for (int i = 0; i < size_; ++i) std::copy_n(row(i), size_, grown.data() + static_cast<std::size_t>(i) * stride);
  data_.swap(grown);
  stride_ = stride;
  capacity_ = capacity;
  for (auto* v : {&first_, &second_, &third_}) v->resize(stride);
  pivots_.resize(stride);
}

void Inverse::multiply(const double* v, double* out) const {
  std::fill_n(out, size_, 0.0);
  loops().accumulate(size_, size_, data_.data(), stride_, nullptr, v, out);
}

void Inverse::append(const double* u, double corner) {
  const double a = 1.0 / corner;
  loops().add_outer(size_, a, u, data_.data(), stride_);
  double* last = row(size_);
  for (int i = 0; i < size_; ++i) row(i)[size_] = last[i] = -a * u[i];
  last[size_++] = a;
}

void Inverse::remove(int slot) {
  std::copy_n(row(slot), size_, first_.data());
  const double a = -1.0 / first_[static_cast<std::size_t>(slot)];
  loops().add_outer(size_, a, first_.data(), data_.data(), stride_);
  drop(slot);
}

void Inverse::drop(int slot) {
  const int last = --size_;
  if (slot == last) return;
  for (int i = 0; i < last; ++i) row(i)[slot] = row(i)[last];
  std::copy_n(row(last), last, row(slot));
  row(slot)[slot] = row(last)[last];
}

void Inverse::place(int slot, const double* values, double diagonal) {
  double* to = row(slot);
  for (int i = 0; i < size_; ++i) row(i)[slot] = to[i] = values[i];
  to[slot] = diagonal;
}

bool Inverse::change(const Change& a, const Change& b, double cross) {
  const auto prepare = [this](const Change& c, std::vector<double>& copy) {
    std::copy_n(c.slot >= 0 ? row(c.slot) : c.u, size_, copy.data());
    return c.slot >= 0 ? -copy[static_cast<std::size_t>(c.slot)] : c.corner;
  };
  const double aa = prepare(a, first_), bb = prepare(b, second_);
  const double determinant = aa * bb - cross * cross;
  if (!(std::fabs(determinant) > 1e-14 * (cross * cross + std::fabs(aa * bb)))) return false;
  const double taa = bb / determinant, tbb = aa / determinant, tab = -cross / determinant;
  const double *ua = first_.data(), *ub = second_.data();
  loops().add_outers(size_, taa, tab, tbb, ua, ub, data_.data(), stride_);
  const bool adds_a = a.slot < 0, adds_b = b.slot < 0;
  for (int j = 0; j < size_; ++j) {
    const auto k = static_cast<std::size_t>(j);
    third_[k] = -(taa * ua[j] + tab * ub[j]);
    second_[k] = -(tab * ua[j] + tbb * second_[k]);
  }
  if (adds_a && adds_b) {
    ++size_;
    place(size_ - 1, third_.data(), taa);
    second_[static_cast<std::size_t>(size_ - 1)] = tab;
    ++size_;
    place(size_ - 1, second_.data(), tbb);
  } else if (adds_a) {
    place(b.slot, third_.data(), taa);
  } else if (adds_b) {
    place(a.slot, second_.data(), tbb);
  } else {
    drop(std::max(a.slot, b.slot));
    drop(std::min(a.slot, b.slot));
  }
  return true;
}

// Gauss and Jordan in place, rows exchanged; the exchanges are undone on the columns at the end.
bool Inverse::invert() {
  for (int k = 0; k < size_; ++k) {
    int best = k;
    for (int i = k + 1; i < size_; ++i) {
      if (std::fabs(row(i)[k]) > std::fabs(row(best)[k])) best = i;
    }
    pivots_[static_cast<std::size_t>(k)] = best;
    if (best != k) std::swap_ranges(row(k), row(k) + size_, row(best));
    double* pivot = row(k);
    if (!(std::fabs(pivot[k]) > 1e-14)) return false;
    const double inverse = 1.0 / pivot[k];
    pivot[k] = 1.0;
    for (int j = 0; j < size_; ++j) pivot[j] *= inverse;
    for (int i = 0; i < size_; ++i) {
      if (i == k) continue;
      const double factor = row(i)[k];
      row(i)[k] = 0.0;
      axpy(size_, -factor, pivot, row(i));
    }
  }
  for (int k = size_ - 1; k >= 0; --k) {
    const int other = pivots_[static_cast<std::size_t>(k)];
    for (int i = 0; i < size_ && other != k; ++i) std::swap(row(i)[k], row(i)[other]);
  }
  return true;
}

}  // namespace portfolio::active
