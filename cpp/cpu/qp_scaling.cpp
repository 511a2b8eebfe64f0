#include "qp_scaling.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace portfolio::qp {
namespace {

using Eigen::Index;

constexpr int kRuizPasses = 12;
// A row whose part outside the others' span is smaller than this share of it is a combination of them.
constexpr double kDependent = 1e-11;
constexpr double kRounding = 1e-12;
// Curvature below this share of the largest (a constant return's variance is rounding) is no measure of a variable.
constexpr double kFlat = 1e-18;

double positive_or_one(double norm) { return norm > 0.0 ? norm : 1.0; }

Vec inverse_norms(const Vec& norms) {
  return norms.unaryExpr([](double v) { return 1.0 / positive_or_one(v); });
}

Vec column_norms(const Mat& m) {
  return m.rows() == 0 ? Vec(Vec::Zero(m.cols())) : Vec(m.cwiseAbs().colwise().maxCoeff().transpose());
}

Vec row_norms(const Mat& m) {
  return m.cols() == 0 ? Vec(Vec::Zero(m.rows())) : Vec(m.cwiseAbs().rowwise().maxCoeff());
}

// The size x will have: the largest right-hand side of an equality that is not rounding, else the median of the
// other limits; 0 when every limit is zero or absent.
double typical_size(const Problem& p) {
  std::vector<double> limits;
  for (const Vec* side : {&p.h, &p.lb, &p.ub}) {
    for (const double v : *side) {
      if (v != 0.0 && std::isfinite(v)) limits.push_back(std::fabs(v));
    }
  }
  const double largest_limit = limits.empty() ? 0.0 : *std::max_element(limits.begin(), limits.end());
  const double side = p.b.size() == 0 ? 0.0 : p.b.lpNorm<Eigen::Infinity>();
  if (side > kRounding * largest_limit || limits.empty()) return side;
  const auto middle = limits.begin() + static_cast<std::ptrdiff_t>(limits.size() / 2);
  std::nth_element(limits.begin(), middle, limits.end());
  return *middle;
}

}  // namespace

Scaling::Scaling(const Problem& full) : full_(full) {
  select(full);
  equilibrate();
  normalise();
  drop_dependent_rows();
}

void Scaling::select(const Problem& full) {
  fixed_ = Vec::Zero(full.n());
  for (Index j = 0; j < full.n(); ++j) {
    if (full.lb[j] < full.ub[j]) {
      free_.push_back(j);
    } else {
      fixed_[j] = full.lb[j];
    }
  }
  for (Index i = 0; i < full.h.size(); ++i) {
    if (std::isfinite(full.h[i])) rows_.push_back(i);
  }
  equalities_.resize(static_cast<std::size_t>(full.b.size()));
  std::iota(equalities_.begin(), equalities_.end(), Index{0});
  const bool all = fixed_.isZero(0.0);
  scaled_.P = full.P.at(free_);
  scaled_.q = all ? Vec(full.q(free_)) : Vec((full.q + full.P * fixed_)(free_));
  scaled_.G = full.G(rows_, free_);
  scaled_.h = all ? Vec(full.h(rows_)) : Vec((full.h - full.G * fixed_)(rows_));
  scaled_.A = full.A(Eigen::all, free_);
  scaled_.b = all ? full.b : Vec(full.b - full.A * fixed_);
  scaled_.lb = full.lb(free_);
  scaled_.ub = full.ub(free_);
}

// Variables with curvature are measured by it (unit diagonal); the others, and all rows, by Ruiz's alternation.
void Scaling::equilibrate() {
  Problem& p = scaled_;
  const Vec diagonal = p.P.diagonal();
  const double largest = p.n() == 0 ? 0.0 : diagonal.maxCoeff();
  const Vec curvature = diagonal.unaryExpr([&](double v) { return v > kFlat * largest ? std::sqrt(v) : 0.0; });
  column_ = inverse_norms(curvature);
  row_ = Vec::Ones(p.h.size());
  equality_ = Vec::Ones(p.b.size());
  p.P.scale(column_);
  p.G = p.G * column_.asDiagonal();
  p.A = p.A * column_.asDiagonal();
  for (int pass = 0; pass < kRuizPasses; ++pass) {
    const Vec rows = inverse_norms(row_norms(p.G)), equalities = inverse_norms(row_norms(p.A));
    p.G = rows.asDiagonal() * p.G;
    p.A = equalities.asDiagonal() * p.A;
    row_.array() *= rows.array();
    equality_.array() *= equalities.array();
    const Vec norms = column_norms(p.A).cwiseMax(column_norms(p.G));
    const Vec columns = (curvature.array() > 0.0).select(1.0, inverse_norms(norms).cwiseSqrt());
    p.G = p.G * columns.asDiagonal();
    p.A = p.A * columns.asDiagonal();
    column_.array() *= columns.array();
  }
}

// One factor for the size of x and one for the objective: right-hand sides and gradient become of order one.
void Scaling::normalise() {
  Problem& p = scaled_;
  p.q = cost_ * column_.cwiseProduct(p.q);
  p.h.array() *= row_.array();
  p.b.array() *= equality_.array();
  p.lb.array() /= column_.array();
  p.ub.array() /= column_.array();
  double size = typical_size(p);
  const double gradient = p.n() == 0 ? 0.0 : p.q.lpNorm<Eigen::Infinity>();
  const bool linear = p.P.is_zero();
  if (size == 0.0 && !linear) size = gradient;
  size_ = positive_or_one(size);
  const double cost = positive_or_one(std::max(size_ * gradient, linear ? 0.0 : size_ * size_));
  p.q *= size_ / cost;
  p.P *= size_ * size_ / cost;
  cost_ /= cost;
  p.h /= size_;
  p.b /= size_;
  p.lb /= size_;
  p.ub /= size_;
}

void Scaling::drop_dependent_rows() {
  Problem& p = scaled_;
  if (p.b.size() == 0) return;
  Eigen::ColPivHouseholderQR<Mat> qr(p.n(), p.b.size());
  qr.setThreshold(kDependent);
  qr.compute(p.A.transpose());
  const Index rank = p.n() == 0 ? 0 : qr.rank(), total = p.b.size();
  if (rank == total) return;
  const auto& order = qr.colsPermutation().indices();
  const auto R = qr.matrixR().topLeftCorner(rank, rank).triangularView<Eigen::Upper>();
  std::vector<Index> kept(order.begin(), order.begin() + rank);
  double largest = 0.0;
  for (Index k = rank; k < total; ++k) {
    Vec y = Vec::Zero(total);
    y[order[k]] = 1.0;
    const Vec share = R.solve(qr.matrixR().col(k).head(rank));
    for (Index i = 0; i < rank; ++i) y[order[i]] = -share[i];
    const double value = p.b.dot(y), relative = std::fabs(value) / y.lpNorm<1>();
    if (relative <= largest) continue;
    largest = relative;
    contradiction_ = Solution{Vec::Zero(p.n()), value > 0.0 ? Vec(-y) : y, Vec::Zero(p.h.size()), Vec::Zero(p.n())};
  }
  if (contradiction_ && !excludes_points(p, *contradiction_)) contradiction_.reset();
  if (contradiction_) contradiction_ = certificate(*contradiction_);
  std::sort(kept.begin(), kept.end());
  p.A = Mat(p.A(kept, Eigen::all));
  p.b = Vec(p.b(kept));
  equality_ = Vec(equality_(kept));
  equalities_ = std::move(kept);
}

bool Scaling::same_matrices(const Scaling& other) const {
  return free_ == other.free_ && rows_ == other.rows_ && equalities_ == other.equalities_;
}

Solution Scaling::rows(const Solution& s) const {
  Solution out;
  out.y = Vec::Zero(full_.b.size());
  out.z = Vec::Zero(full_.h.size());
  out.y(equalities_) = equality_.cwiseProduct(s.y) / (size_ * cost_);
  out.z(rows_) = row_.cwiseProduct(s.z) / (size_ * cost_);
  return out;
}

Solution Scaling::point(const Solution& s) const {
  Solution out = rows(s);
  out.x = fixed_;
  out.x(free_) = size_ * column_.cwiseProduct(s.x);
  // A variable at its scaled bound is exactly at the caller's.
  for (std::size_t k = 0; k < free_.size(); ++k) {
    const Index j = free_[k], i = static_cast<Index>(k);
    if (s.x[i] == scaled_.lb[i]) out.x[j] = full_.lb[j];
    if (s.x[i] == scaled_.ub[i]) out.x[j] = full_.ub[j];
    out.x[j] = std::clamp(out.x[j], full_.lb[j], full_.ub[j]);
  }
  const Vec gradient = full_.P * out.x + full_.q + full_.A.transpose() * out.y + full_.G.transpose() * out.z;
  out.z_box = -gradient;
  for (std::size_t k = 0; k < free_.size(); ++k) {
    const Index i = static_cast<Index>(k);
    // An exact bound takes the exact remainder, which keeps the dual residual there at zero.
    const bool at_bound = s.z_box[i] != 0.0 && (s.x[i] == scaled_.lb[i] || s.x[i] == scaled_.ub[i]) &&
                          out.z_box[free_[k]] * s.z_box[i] > 0.0;
    if (!at_bound) out.z_box[free_[k]] = s.z_box[i] / (size_ * cost_ * column_[i]);
  }
  return out;
}

Solution Scaling::certificate(const Solution& s) const {
  Solution out = rows(s);
  out.x = Vec::Zero(full_.n());
  return out;
}

Solution Scaling::ray(const Solution& s) const {
  Solution out;
  out.x = Vec::Zero(full_.n());
  out.x(free_) = column_.cwiseProduct(s.x);
  return out;
}

}  // namespace portfolio::qp
