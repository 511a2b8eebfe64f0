#include "qp_split.hpp"

#include <algorithm>
#include <cmath>

namespace portfolio::qp {
namespace {

using Eigen::Index;

constexpr double kRounding = 1e-12;  // of the gradient: no multiplier of a bound
constexpr double kNothing = 1e-13;   // of the terms of a right-hand side: zero

// side - rows * held, exactly zero where held is on the row but for rounding: the size of x is read off what is left.
Vec left(const Vec& side, const Mat& rows, const Vec& held) {
  const Vec out = side - rows * held, terms = side.cwiseAbs() + rows.cwiseAbs() * held.cwiseAbs();
  return (out.cwiseAbs().array() < kNothing * terms.array()).select(0.0, out);
}

}  // namespace

Split::Split(const Problem& full)
    : full_(full), down_(static_cast<std::size_t>(full.n()), -1), base_(Vec::Zero(full.n())) {
  const Index n = full.n();
  const bool limited = std::isfinite(full.turnover);
  for (Index j = 0; j < n; ++j) from_.push_back(j);
  for (Index j = 0; j < n; ++j) {
    if (!limited && full.cost[j] == 0.0) continue;
    down_[static_cast<std::size_t>(j)] = static_cast<Index>(from_.size());
    base_[j] = full.held[j];
    from_.push_back(j);
  }
  const Index total = static_cast<Index>(from_.size());
  sign_ = Vec::Ones(total);
  sign_.tail(total - n).setConstant(-1.0);
  split_.P = full.P.mirrored(from_, sign_);
  split_.q = sign_.cwiseProduct(Vec(full.q + full.P * base_)(from_));
  split_.G.resize(full.h.size() + (limited ? 1 : 0), total);
  split_.G.topRows(full.h.size()) = full.G(Eigen::all, from_) * sign_.asDiagonal();
  split_.h.resize(split_.G.rows());
  split_.h.head(full.h.size()) = left(full.h, full.G, base_);
  split_.A = full.A(Eigen::all, from_) * sign_.asDiagonal();
  split_.b = left(full.b, full.A, base_);
  if (limited) {
    split_.G.bottomRows(1).setOnes();
    split_.h[full.h.size()] = full.turnover;
  }
  bounds();
}

void Split::bounds() {
  split_.lb.resize(sign_.size());
  split_.ub.resize(sign_.size());
  for (Index j = 0; j < full_.n(); ++j) {
    const Index down = down_[static_cast<std::size_t>(j)];
    const double low = full_.lb[j] - base_[j], high = full_.ub[j] - base_[j];
    split_.lb[j] = low;
    split_.ub[j] = high;
    if (down < 0) continue;
    split_.q[j] += full_.cost[j];
    split_.q[down] += full_.cost[j];
    split_.lb[j] = std::max(low, 0.0);
    split_.ub[j] = std::max(high, 0.0);
    split_.lb[down] = std::max(-high, 0.0);
    split_.ub[down] = std::max(-low, 0.0);
  }
}

Vec Split::net(const Vec& split) const {
  Vec out = split.head(full_.n());
  for (Index k = full_.n(); k < split.size(); ++k) out[from_[static_cast<std::size_t>(k)]] -= split[k];
  return out;
}

Solution Split::rows(const Solution& s) const {
  Solution out;
  out.y = s.y;
  out.z = s.z.head(full_.h.size());
  out.turnover_dual = s.z.size() > full_.h.size() ? s.z[full_.h.size()] : 0.0;
  return out;
}

Solution Split::point(const Solution& s) const {
  Solution out = rows(s);
  out.x = base_ + net(s.x);
  for (Index j = 0; j < full_.n(); ++j) {  // exactly the caller's bound, whatever was added and taken away
    const Index down = down_[static_cast<std::size_t>(j)];
    const double v = down < 0 ? 0.0 : s.x[down];
    if (s.x[j] == split_.lb[j] && (down < 0 || v == split_.ub[down])) out.x[j] = full_.lb[j];
    if (s.x[j] == split_.ub[j] && (down < 0 || v == split_.lb[down])) out.x[j] = full_.ub[j];
    if (down >= 0 && s.x[j] == 0.0 && v == 0.0) out.x[j] = full_.held[j];
    out.x[j] = std::clamp(out.x[j], full_.lb[j], full_.ub[j]);
  }
  const Vec gradient = full_.P * out.x + full_.q + full_.A.transpose() * out.y + full_.G.transpose() * out.z;
  out.z_trade = trade_duals(full_, gradient, out.turnover_dual);
  const Vec rest = box_duals(full_, gradient + out.z_trade);
  out.z_box = net(s.z_box);
  for (Index j = 0; j < full_.n(); ++j) {
    const bool at_bound = out.x[j] == full_.lb[j] || out.x[j] == full_.ub[j];
    const bool rounding = std::fabs(rest[j]) <= kRounding * (1.0 + std::fabs(gradient[j]));
    if (down_[static_cast<std::size_t>(j)] >= 0 || at_bound) out.z_box[j] = !at_bound && rounding ? 0.0 : rest[j];
  }
  return out;
}

Solution Split::certificate(const Solution& s) const {
  Solution out = rows(s);
  out.x = Vec::Zero(full_.n());
  return out;
}

Solution Split::ray(const Solution& s) const {
  Solution out;
  out.x = net(s.x);
  return out;
}

}  // namespace portfolio::qp
