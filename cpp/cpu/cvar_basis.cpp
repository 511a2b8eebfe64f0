#include "cvar_basis.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "vector_kernels.hpp"

namespace portfolio::cvar {
namespace {

constexpr double kPivot = 1e-11;  // smallest pivot, rows being of size one

}  // namespace

void Basis::reserve(std::size_t size) {
  if (size <= stride_) return;
  const std::size_t wider = std::max<std::size_t>(2 * stride_, std::max<std::size_t>(size, 32));
  std::vector<double> moved(wider * wider, 0.0);
  for (std::size_t f = 0; f < std::min(columns.size(), stride_); ++f) {
    std::copy_n(row_(f), std::min(rows.size(), stride_), moved.data() + f * wider);
  }
  inverse_ = std::move(moved);
  stride_ = wider;
  for (auto* buffer : {&u_, &v_, &w_, &z_}) buffer->resize(wider);
  rows.reserve(wider);
  columns.reserve(wider);
}

void Basis::multiply(const double* by_row, double* by_column) const {
  const std::size_t k = size();
  for (std::size_t f = 0; f < k; ++f) by_column[f] = vectors().dot(k, inverse_row(f), by_row);
}

void Basis::multiply_transposed(const double* by_column, double* by_row) const {
  const std::size_t k = size();
  std::fill_n(by_row, k, 0.0);
  for (std::size_t f = 0; f < k; ++f) vectors().add(k, by_column[f], inverse_row(f), by_row);
}

bool Basis::grow(const Program& program, std::size_t row, std::size_t column) {
  const std::size_t k = size();
  reserve(k + 1);
  for (std::size_t i = 0; i < k; ++i) u_[i] = program.row(rows[i])[column];
  for (std::size_t f = 0; f < k; ++f) v_[f] = program.row(row)[columns[f]];
  multiply(u_.data(), w_.data());
  multiply_transposed(v_.data(), z_.data());
  double pivot = program.row(row)[column];
  for (std::size_t f = 0; f < k; ++f) pivot -= v_[f] * w_[f];
  if (!(std::fabs(pivot) > kPivot)) return false;
  for (std::size_t f = 0; f < k; ++f) {
    double* out = row_(f);
    const double factor = w_[f] / pivot;
    vectors().add(k, factor, z_.data(), out);
    out[k] = -factor;
  }
  double* last = row_(k);
  for (std::size_t i = 0; i < k; ++i) last[i] = -z_[i] / pivot;
  last[k] = 1.0 / pivot;
  rows.push_back(row);
  columns.push_back(column);
  return true;
}

bool Basis::replace_column(const Program& program, std::size_t place, std::size_t column) {
  const std::size_t k = size();
  for (std::size_t i = 0; i < k; ++i) u_[i] = program.row(rows[i])[column];
  multiply(u_.data(), w_.data());
  const double pivot = w_[place];
  if (!(std::fabs(pivot) > kPivot)) return false;
  double* own = row_(place);
  for (std::size_t i = 0; i < k; ++i) own[i] /= pivot;
  for (std::size_t f = 0; f < k; ++f) {
    if (f == place || w_[f] == 0.0) continue;
    vectors().add(k, -w_[f], own, row_(f));
  }
  columns[place] = column;
  return true;
}

bool Basis::replace_row(const Program& program, std::size_t place, std::size_t row) {
  const std::size_t k = size();
  for (std::size_t f = 0; f < k; ++f) v_[f] = program.row(row)[columns[f]];
  multiply_transposed(v_.data(), z_.data());
  const double pivot = z_[place];
  if (!(std::fabs(pivot) > kPivot)) return false;
  z_[place] = 0.0;
  for (std::size_t f = 0; f < k; ++f) {
    double* out = row_(f);
    const double own = out[place] / pivot;
    vectors().add(k, -own, z_.data(), out);
    out[place] = own;
  }
  rows[place] = row;
  return true;
}

bool Basis::shrink(std::size_t row_place, std::size_t column_place) {
  const std::size_t k = size();
  const double pivot = row_(column_place)[row_place];
  if (!(std::fabs(pivot) > kPivot)) return false;
  std::copy_n(row_(column_place), k, z_.data());
  for (std::size_t f = 0; f < k; ++f) {
    double* out = row_(f);
    const double factor = out[row_place] / pivot;
    vectors().add(k, -factor, z_.data(), out);
    out[row_place] = out[k - 1];
  }
  if (column_place + 1 < k) std::copy_n(row_(k - 1), k, row_(column_place));
  rows[row_place] = rows.back();
  columns[column_place] = columns.back();
  rows.pop_back();
  columns.pop_back();
  return true;
}

// Gauss-Jordan with row pivoting on [B | I]: B has the basis rows, so that its inverse has them as columns.
bool Basis::refactor(const Program& program, const Interrupt& interrupt) {
  const std::size_t k = size(), width = 2 * k;
  work_.assign(k * width, 0.0);
  for (std::size_t i = 0; i < k; ++i) {
    double* out = work_.data() + i * width;
    for (std::size_t f = 0; f < k; ++f) out[f] = program.row(rows[i])[columns[f]];
    out[k + i] = 1.0;
  }
  for (std::size_t c = 0; c < k; ++c) {
    if (interrupt.requested()) return false;
    std::size_t best = c;
    for (std::size_t i = c + 1; i < k; ++i) {
      if (std::fabs(work_[i * width + c]) > std::fabs(work_[best * width + c])) best = i;
    }
    double* own = work_.data() + c * width;
    if (!(std::fabs(work_[best * width + c]) > kPivot)) return false;
    if (best != c) std::swap_ranges(own, own + width, work_.data() + best * width);
    const double pivot = own[c];
    for (std::size_t j = c; j < width; ++j) own[j] /= pivot;
    for (std::size_t i = 0; i < k; ++i) {
      double* other = work_.data() + i * width;
      const double factor = other[c];
      if (i == c || factor == 0.0) continue;
      vectors().add(width - c, -factor, own + c, other + c);
    }
  }
  reserve(k);
  for (std::size_t f = 0; f < k; ++f) std::copy_n(work_.data() + f * width + k, k, row_(f));
  return true;
}

}  // namespace portfolio::cvar
