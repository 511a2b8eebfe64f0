#include "qp_quadratic.hpp"

#include <cmath>
#include <unordered_map>
#include <utility>

namespace portfolio::qp {
namespace {

using Eigen::Index;

bool only_diagonal(const Mat& m) {
  for (Index j = 0; j < m.cols(); ++j) {
    for (Index i = j + 1; i < m.rows(); ++i) {
      if (m(i, j) != 0.0) return false;
    }
  }
  return true;
}

}  // namespace

Quadratic::Quadratic(Mat matrix) : dense_(!only_diagonal(matrix)) {
  if (dense_) {
    matrix_ = std::move(matrix);
  } else {
    diagonal_ = matrix.diagonal();
    V_ = Mat::Zero(matrix.rows(), 0);
  }
}

Quadratic::Quadratic(Vec diagonal, Mat V) : V_(std::move(V)), diagonal_(std::move(diagonal)) {}

bool Quadratic::is_zero() const { return dense_ ? matrix_.isZero(0.0) : diagonal_.isZero(0.0) && V_.isZero(0.0); }

Vec Quadratic::diagonal() const {
  return dense_ ? Vec(matrix_.diagonal()) : Vec(diagonal_ + V_.rowwise().squaredNorm());
}

Vec Quadratic::operator*(const Vec& x) const {
  if (dense_) return matrix_ * x;
  Vec out = diagonal_.cwiseProduct(x);
  if (V_.cols() > 0) out += V_ * (V_.transpose() * x);
  for (std::size_t j = 0; j < mate_.size(); ++j) {
    const Index i = static_cast<Index>(j);
    if (mate_[j] >= 0) out[i] += between_[i] * x[mate_[j]];
  }
  return out;
}

Vec Quadratic::absolute_times(const Vec& x) const {
  if (dense_) return matrix_.cwiseAbs() * x;
  Vec out = diagonal_.cwiseProduct(x);
  if (V_.cols() > 0) out += V_.cwiseAbs() * (V_.cwiseAbs().transpose() * x);
  for (std::size_t j = 0; j < mate_.size(); ++j) {
    const Index i = static_cast<Index>(j);
    if (mate_[j] >= 0) out[i] += std::fabs(between_[i]) * x[mate_[j]];
  }
  return out;
}

Mat Quadratic::dense() const {
  if (dense_) return matrix_;
  Mat out = V_ * V_.transpose();
  out.diagonal() += diagonal_;
  for (std::size_t j = 0; j < mate_.size(); ++j) {
    const Index i = static_cast<Index>(j);
    if (mate_[j] >= 0) out(i, mate_[j]) += between_[i];
  }
  return out;
}

Mat Quadratic::dense(const Indices& chosen) const { return dense_ ? Mat(matrix_(chosen, chosen)) : at(chosen).dense(); }

Quadratic Quadratic::at(const Indices& chosen) const {
  Quadratic out;
  out.dense_ = dense_;
  if (dense_) {
    out.matrix_ = matrix_(chosen, chosen);
    return out;
  }
  out.diagonal_ = diagonal_(chosen);
  out.V_ = V_(chosen, Eigen::all);
  if (mate_.empty()) return out;
  std::unordered_map<Index, Index> place;
  for (std::size_t k = 0; k < chosen.size(); ++k) place[chosen[k]] = static_cast<Index>(k);
  out.between_ = between_(chosen);
  out.mate_.assign(chosen.size(), -1);
  for (std::size_t k = 0; k < chosen.size(); ++k) {
    const auto found = place.find(mate_[static_cast<std::size_t>(chosen[k])]);
    if (found != place.end()) out.mate_[k] = found->second;
  }
  return out;
}

Quadratic Quadratic::mirrored(const Indices& from, const Vec& sign) const {
  Quadratic out = at(from);
  out.scale(sign);
  if (dense_) return out;
  std::unordered_map<Index, Index> first;
  out.mate_.assign(from.size(), -1);
  out.between_ = Vec::Zero(sign.size());
  for (std::size_t k = 0; k < from.size(); ++k) {
    const auto [seen, fresh] = first.try_emplace(from[k], static_cast<Index>(k));
    if (fresh) continue;
    const Index a = seen->second, b = static_cast<Index>(k);
    out.mate_[static_cast<std::size_t>(a)] = b;
    out.mate_[k] = a;
    out.between_[a] = out.between_[b] = sign[a] * sign[b] * diagonal_[from[k]];
  }
  return out;
}

void Quadratic::scale(const Vec& column) {
  if (dense_) {
    matrix_ = column.asDiagonal() * matrix_ * column.asDiagonal();
    return;
  }
  diagonal_.array() *= column.array().square();
  V_ = column.asDiagonal() * V_;
  for (std::size_t j = 0; j < mate_.size(); ++j) {
    const Index i = static_cast<Index>(j);
    if (mate_[j] >= 0) between_[i] *= column[i] * column[mate_[j]];
  }
}

void Quadratic::operator*=(double factor) {
  if (dense_) {
    matrix_ *= factor;
    return;
  }
  diagonal_ *= factor;
  V_ *= std::sqrt(factor);
  if (!mate_.empty()) between_ *= factor;
}

}  // namespace portfolio::qp
