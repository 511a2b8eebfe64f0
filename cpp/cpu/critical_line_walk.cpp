#include "critical_line_walk.hpp"

#include <algorithm>
#include <cmath>

namespace portfolio::critical_line {
namespace {

constexpr double kFlat = 2e-13;       // a slope this small, relative to its terms, is rounding
constexpr double kSame = 1e-13;       // relative difference of t up to which two events are one
constexpr double kTie = 1e-12;        // relative difference of t at which an asset meets its bound at a corner too
constexpr double kNoGradient = 1e-3;  // of what the largest weight on the riskiest asset would have
constexpr double kStraight = 1e-9;    // relative change of direction up to which the path does not bend

double largest(const std::vector<double>& v) {
  double out = 0.0;
  for (const double value : v) out = std::max(out, std::fabs(value));
  return out;
}

}  // namespace

// The first constraint that the line would break; of several at once the one that comes first in the caller's order,
// which is Bland's rule against cycling.
Walk::Event Walk::next(double direction) const {
  const Line& l = set_.line();
  const std::size_t n = data_->n();
  const Rows& rows = data_->rows;
  Event best;
  const double same = kSame * t_;
  const auto meet = [&](double room, double speed, double noise, Kind kind, std::size_t index) {
    if (!(speed < -noise)) return;
    double step = std::max(room, 0.0) / -speed;
    if (step <= same) step = 0.0;
    if (step < best.step) best = {kind, index, step};
  };
  const double flat = kFlat * largest(l.x1);
  double terms = 0.0;
  for (const std::size_t j : set_.free()) terms += data_->volatility[j] * std::fabs(l.x1[j]);
  const double multipliers = largest(l.y1);
  for (std::size_t j = 0; j < n; ++j) {
    const double x = l.x0[j] + t_ * l.x1[j], speed = direction * l.x1[j];
    if (set_.place(j) == Place::free) {
      if (std::isfinite(data_->lb[j])) meet(x - data_->lb[j], speed, flat, Kind::pin_lower, j);
      if (std::isfinite(data_->ub[j])) meet(data_->ub[j] - x, -speed, flat, Kind::pin_upper, j);
    } else if (data_->lb[j] < data_->ub[j] && !refused_[j]) {
      const double side = set_.place(j) == Place::lower ? 1.0 : -1.0;
      const double noise = kFlat * (data_->volatility[j] * terms + std::fabs(data_->mu[j]) + l.m1[j] +
                                    data_->largest_entry[j] * multipliers);
      meet(side * (l.r0[j] + t_ * l.r1[j]), side * direction * l.r1[j], noise, Kind::release, j);
    }
  }
  for (std::size_t r = rows.equalities; r < rows.count(); ++r) {
    if (std::isinf(rows.bound[r])) continue;
    if (set_.active(r)) {
      meet(l.y0[r] + t_ * l.y1[r], direction * l.y1[r], kFlat * multipliers, Kind::drop, r);
    } else {
      double reach = 0.0;
      for (std::size_t e = rows.start[r]; e < rows.start[r + 1]; ++e) reach = std::max(reach, std::fabs(rows.value[e]));
      meet(rows.bound[r] - l.a0[r] - t_ * l.a1[r], -direction * l.a1[r], flat * reach, Kind::activate, r);
    }
  }
  return best;
}

bool Walk::apply(const Event& event) {
  bool changed = true;
  switch (event.kind) {
    case Kind::release:
      changed = set_.release(event.index);
      break;
    case Kind::pin_lower:
    case Kind::pin_upper:
      set_.pin(event.index, event.kind == Kind::pin_lower ? Place::lower : Place::upper);
      break;
    case Kind::activate:
      if (!set_.activate(event.index)) return false;
      break;
    case Kind::drop:
      if (!set_.drop(event.index)) return false;
      break;
    case Kind::none:
      break;
  }
  if (!changed) {  // it depends on the free ones: no different from what they do
    refused_[event.index] = 1;
    return true;
  }
  std::fill(refused_.begin(), refused_.end(), char{0});
  return set_.solve();
}

// KKT at t, relative to the largest gradient entry and weight; a portfolio without risk or return has no gradient.
double Walk::residual(double t) const {
  const Line& l = set_.line();
  double gradient = 0.0, weight = 0.0, dual = 0.0, primal = 0.0;
  for (std::size_t j = 0; j < data_->n(); ++j) {
    const double x = l.x0[j] + t * l.x1[j], r = l.r0[j] + t * l.r1[j];
    gradient = std::max({gradient, std::fabs(l.s0[j] + t * l.s1[j]), std::fabs(t * data_->mu[j])});
    weight = std::max(weight, std::fabs(x));
    if (set_.place(j) == Place::free) {
      dual = std::max(dual, std::fabs(r));
      primal = std::max({primal, data_->lb[j] - x, x - data_->ub[j]});
    } else if (data_->lb[j] < data_->ub[j]) {
      dual = std::max(dual, set_.place(j) == Place::lower ? -r : r);
    }
  }
  double size = weight, multiplier = 0.0;
  const Rows& rows = data_->rows;
  for (std::size_t r = 0; r < rows.count(); ++r) {
    if (std::isinf(rows.bound[r])) continue;
    const double over = l.a0[r] + t * l.a1[r] - rows.bound[r];
    size = std::max(size, std::fabs(rows.bound[r]));
    primal = std::max(primal, r < rows.equalities || set_.active(r) ? std::fabs(over) : over);
    if (r >= rows.equalities && set_.active(r)) multiplier = std::max(multiplier, -(l.y0[r] + t * l.y1[r]));
  }
  dual = std::max(dual, multiplier);
  if (!std::isfinite(dual + primal)) return kNone;
  const double volatility = largest(data_->volatility);
  gradient = std::max(gradient, kNoGradient * volatility * volatility * weight);
  return std::max(dual > 0.0 ? dual / gradient : 0.0, primal > 0.0 ? primal / size : 0.0);
}

Corner Walk::corner(double t) const {
  const Line& l = set_.line();
  Corner out;
  out.t = t;
  out.w.resize(data_->n());
  for (std::size_t j = 0; j < data_->n(); ++j) {
    const double tie = kTie * t * std::fabs(l.x1[j]), x = l.x0[j] + t * l.x1[j];
    out.w[j] = std::clamp(x, data_->lb[j], data_->ub[j]);
    if (x - data_->lb[j] <= tie) out.w[j] = data_->lb[j];
    if (data_->ub[j] - x <= tie) out.w[j] = data_->ub[j];
    out.expected_return += data_->mu[j] * out.w[j];
    out.variance += out.w[j] * (l.s0[j] + t * l.s1[j]);
  }
  out.variance = std::max(out.variance, 0.0);
  return out;
}

bool Walk::bends(const std::vector<double>& before) const {
  const std::vector<double>& now = set_.line().x1;
  double change = 0.0;
  for (std::size_t j = 0; j < now.size(); ++j) change = std::max(change, std::fabs(now[j] - before[j]));
  return change > kStraight * std::max(largest(before), largest(now));
}

End Walk::go(double until, std::vector<Corner>& corners) {
  const double direction = until < t_ ? -1.0 : 1.0;
  const std::size_t patience = 2 * (data_->n() + data_->rows.count()) + 16;
  std::size_t standing = 0;
  bool pending = false, renewed = false;
  Corner met;
  std::vector<double> before;
  const auto certify = [&](double t) {
    const double at = residual(t);
    if (!(at <= kCertified)) return false;
    worst_ = std::max(worst_, at);
    return true;
  };
  const auto keep = [&] {
    if (pending && bends(before)) corners.push_back(met);
    pending = false;
  };
  const auto stuck = [&] {  // a corner all the same: where another walk takes over
    if (pending) corners.push_back(met);
    return End::stuck;
  };
  while (true) {
    if (interrupt_->cancelled()) return End::cancelled;
    if (interrupt_->late()) return End::time_limit;
    const Event event = next(direction);
    const bool last = event.kind == Kind::none || event.step >= std::fabs(until - t_) - nothing_;
    if (last && std::isinf(until)) {
      keep();
      return largest(set_.line().x1) == 0.0 ? End::finished : End::unbounded;
    }
    const double reached = last ? until : t_ + direction * event.step;
    if (event.step > 0.0) {
      if (!certify(t_) || !certify(reached)) {
        if (renewed || !set_.renew()) return stuck();
        renewed = true;
        continue;
      }
      renewed = false;
      keep();
      standing = 0;
    } else if (++standing > patience) {
      return stuck();
    }
    t_ = reached;
    if (last) {
      if (direction < 0.0) corners.push_back(corner(until));
      return End::finished;
    }
    if (!pending) {
      pending = true;
      met = corner(t_);
      before = set_.line().x1;
    }
    if (event.kind == Kind::pin_lower) met.w[event.index] = data_->lb[event.index];
    if (event.kind == Kind::pin_upper) met.w[event.index] = data_->ub[event.index];
    if (!apply(event)) return stuck();
  }
}

}  // namespace portfolio::critical_line
