#include "critical_line_set.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "blas.hpp"

namespace portfolio::critical_line {
namespace {

constexpr double kDependent = 1e-10;  // share of a diagonal below which a pivot is rounding
constexpr std::size_t kBlocked = 48;  // rows from which LAPACK factors faster than appending

}  // namespace

WorkingSet::WorkingSet(const Data& data, std::vector<Place> bounds)
    : data_(&data), place_(std::move(bounds)), active_(data.rows.count(), 0), position_(data.n()), held_(data.n()) {
  penalty_.assign(data.rows.count(), 0.0);
  std::vector<double> ratios;
  for (std::size_t r = 0; r < data.rows.count(); ++r) {
    ratios.clear();
    double reach = 0.0;
    for (std::size_t e = data.rows.start[r]; e < data.rows.start[r + 1]; ++e) {
      const double v = data.rows.value[e], sigma = data.volatility[data.rows.column[e]];
      reach = std::max(reach, std::fabs(v));
      if (sigma > 0.0) ratios.push_back(sigma * sigma / (v * v));
    }
    const auto middle = ratios.begin() + static_cast<std::ptrdiff_t>(ratios.size() / 2);
    if (!ratios.empty()) std::nth_element(ratios.begin(), middle, ratios.end());
    penalty_[r] = ratios.empty() ? 1.0 / (reach > 0.0 ? reach * reach : 1.0) : *middle;
  }
  for (auto* v : {&line_.x0, &line_.x1, &line_.s0, &line_.s1, &line_.r0, &line_.r1, &line_.m1})
    v->assign(data.n(), 0.0);
  for (auto* v : {&line_.y0, &line_.y1, &line_.a0, &line_.a1}) v->assign(data.rows.count(), 0.0);
  refresh_held();
}

void WorkingSet::add_held(std::size_t j, double weight) {
  if (weight == 0.0 || std::isinf(weight)) return;
  const double* row = data_->sigma_row(j);
  for (std::size_t i = 0; i < held_.size(); ++i) held_[i] += weight * row[i];
}

void WorkingSet::refresh_held() {
  std::fill(held_.begin(), held_.end(), 0.0);
  for (std::size_t j = 0; j < data_->n(); ++j) {
    if (place_[j] != Place::free) add_held(j, place_[j] == Place::lower ? data_->lb[j] : data_->ub[j]);
  }
}

// Entry of an active row at an asset: rows are short or few, so a scan of a column would cost more than B_.
void WorkingSet::row_entries(std::size_t j, std::vector<double>& column) const {
  column.assign(rows_.size(), 0.0);
  for (std::size_t q = 0; q < rows_.size(); ++q) {
    const auto from = data_->rows.column.begin() + static_cast<std::ptrdiff_t>(data_->rows.start[rows_[q]]);
    const auto to = data_->rows.column.begin() + static_cast<std::ptrdiff_t>(data_->rows.start[rows_[q] + 1]);
    const auto found = std::lower_bound(from, to, j);
    if (found != to && *found == j) {
      column[q] = data_->rows.value[static_cast<std::size_t>(found - data_->rows.column.begin())];
    }
  }
}

bool WorkingSet::refactor() {
  const std::size_t k = free_.size();
  std::vector<double> H(k * k);
  for (std::size_t a = 0; a < k; ++a) {
    const double* row = data_->sigma_row(free_[a]);
    for (std::size_t b = 0; b < k; ++b) H[a * k + b] = row[free_[b]];
  }
  if (augmented_) {
    for (const std::size_t r : rows_) {
      const Rows& rows = data_->rows;
      for (std::size_t e = rows.start[r]; e < rows.start[r + 1]; ++e) {
        if (place_[rows.column[e]] != Place::free) continue;
        for (std::size_t f = rows.start[r]; f < rows.start[r + 1]; ++f) {
          if (place_[rows.column[f]] != Place::free) continue;
          H[position_[rows.column[e]] * k + position_[rows.column[f]]] += penalty_[r] * rows.value[e] * rows.value[f];
        }
      }
    }
  }
  updates_ = 0;
  refresh_held();
  if (k < kBlocked) {
    factor_.clear();
    for (std::size_t a = 0; a < k; ++a) {
      if (!factor_.append(&H[a * k], H[a * k + a], kDependent)) return false;
    }
    return true;
  }
  std::vector<double> lower = H;
  if (blas::potrf(static_cast<int>(k), lower.data(), static_cast<int>(k)) != 0) return false;
  for (std::size_t a = 0; a < k; ++a) {
    if (!(lower[a * k + a] * lower[a * k + a] > kDependent * H[a * k + a])) return false;
    for (std::size_t b = 0; b < a; ++b) H[a * k + b] = lower[b * k + a];
    H[a * k + a] = lower[a * k + a];
  }
  factor_.assign(k, H.data());
  return true;
}

// A factor that updates kept alive may fail anew: then the rows must hold it.
bool WorkingSet::refresh() {
  if (refactor()) return true;
  if (augmented_) return false;
  augmented_ = true;
  return refactor();
}

bool WorkingSet::release(std::size_t j) {
  const auto column = [&](std::vector<double>& out) {
    const double* row = data_->sigma_row(j);
    out.resize(free_.size());
    for (std::size_t a = 0; a < free_.size(); ++a) out[a] = row[free_[a]];
    double diagonal = row[j];
    if (!augmented_) return diagonal;
    std::vector<double> own, other;
    row_entries(j, own);
    for (std::size_t q = 0; q < rows_.size(); ++q) {
      if (own[q] == 0.0) continue;
      const double weight = penalty_[rows_[q]] * own[q];
      diagonal += weight * own[q];
      const Rows& rows = data_->rows;
      for (std::size_t e = rows.start[rows_[q]]; e < rows.start[rows_[q] + 1]; ++e) {
        if (place_[rows.column[e]] == Place::free) out[position_[rows.column[e]]] += weight * rows.value[e];
      }
    }
    return diagonal;
  };
  std::vector<double> entries;
  double diagonal = column(entries);
  if (!factor_.append(entries.data(), diagonal, kDependent)) {
    if (augmented_) return false;
    augmented_ = true;
    if (!refactor()) return false;
    diagonal = column(entries);
    if (!factor_.append(entries.data(), diagonal, kDependent)) return false;
  }
  add_held(j, -(place_[j] == Place::lower ? data_->lb[j] : data_->ub[j]));
  place_[j] = Place::free;
  position_[j] = free_.size();
  free_.push_back(j);
  ++updates_;
  return true;
}

void WorkingSet::pin(std::size_t j, Place bound) {
  const std::size_t at = position_[j];
  factor_.remove(at);
  free_.erase(free_.begin() + static_cast<std::ptrdiff_t>(at));
  for (std::size_t a = at; a < free_.size(); ++a) position_[free_[a]] = a;
  place_[j] = bound;
  add_held(j, bound == Place::lower ? data_->lb[j] : data_->ub[j]);
  ++updates_;
}

void WorkingSet::move(std::size_t j, Place bound) {
  add_held(j, -(place_[j] == Place::lower ? data_->lb[j] : data_->ub[j]));
  place_[j] = bound;
  add_held(j, bound == Place::lower ? data_->lb[j] : data_->ub[j]);
}

bool WorkingSet::activate(std::size_t row) {
  active_[row] = 1;
  rows_.push_back(row);
  return !augmented_ || refactor();
}

bool WorkingSet::drop(std::size_t row) {
  active_[row] = 0;
  rows_.erase(std::find(rows_.begin(), rows_.end(), row));
  return !augmented_ || refactor();
}

std::vector<double> WorkingSet::dependence(std::size_t j) const {
  std::vector<double> d(free_.size());
  const double* row = data_->sigma_row(j);
  for (std::size_t a = 0; a < free_.size(); ++a) d[a] = -row[free_[a]];
  if (augmented_) {
    std::vector<double> own;
    row_entries(j, own);
    const Rows& rows = data_->rows;
    for (std::size_t q = 0; q < rows_.size(); ++q) {
      for (std::size_t e = rows.start[rows_[q]]; e < rows.start[rows_[q] + 1]; ++e) {
        if (place_[rows.column[e]] == Place::free) {
          d[position_[rows.column[e]]] -= penalty_[rows_[q]] * own[q] * rows.value[e];
        }
      }
    }
  }
  factor_.forward(d.data(), 1);
  factor_.backward(d.data(), 1);
  return d;
}

}  // namespace portfolio::critical_line
