// How far a direction leads: the first breakpoint, whether it stops there, and what is met on the way.
#include <algorithm>
#include <cmath>

#include "active_set_core.hpp"
#include "active_set_loops.hpp"
#include "active_set_tolerance.hpp"
#include "qp_limits.hpp"

namespace portfolio::active {

using qp::kInfinity;

// How fast each row moves along the direction; `entering` has the place after the last slot.
void Core::rates(int entering) {
  std::fill(rate_.begin(), rate_.end(), 0.0);
  if (row_count_ == 0) return;
  const int k = inverse_.size() + (entering >= 0 ? 1 : 0), turnover = model_->turnover();
  int moved = 0;
  for (int s = 0; s < k; ++s) {
    const int item = s < inverse_.size() ? items_[at(s)] : entering;
    if (item < 0) continue;
    scratch_[at(moved)] = item;
    change_[at(moved++)] = direction_[at(s)];
  }
  loops().accumulate(row_count_, moved, rows_.data(), at(row_count_), scratch_.data(), change_.data(), rate_.data());
  if (turnover < 0) return;
  for (int f = 0; f < moved; ++f) {
    rate_[at(turnover)] += change_[at(f)] * side_[at(scratch_[at(f)])] * share_[at(scratch_[at(f)])];
  }
}

// The first breakpoint up to `most`; among those that tie the one that moves fastest.
Core::Block Core::search(int entering, double most) const {
  const int k = inverse_.size() + (entering >= 0 ? 1 : 0);
  double top = 0.0;
  for (int s = 0; s < k; ++s) {
    const int item = s < inverse_.size() ? items_[at(s)] : entering;
    if (item >= 0) top = std::max(top, std::fabs(direction_[at(s)]));
  }
  const double still = most < kInfinity ? std::max(kStill * top, kNothing * top_price_) : kStill * top;
  const bool lowest = stall_ > kStall;
  Block best;
  double limit = kInfinity, speed = 0.0;
  for (int pass = 0; pass < 2; ++pass) {
    const auto offer = [&](int item, double rate, double target, double distance, double jump) {
      const double length = std::max(0.0, distance / rate);
      if (pass == 0) {
        limit = std::min(limit, length + kTie / std::fabs(rate));
        return;
      }
      if (length > limit || length > most) return;
      const bool better = !best.found || (lowest ? item < best.item : std::fabs(rate) > speed);
      if (!better) return;
      speed = std::fabs(rate);
      best = {item, length, target, jump, speed, true};
    };
    for (int s = 0; s < k; ++s) {
      const int item = s < inverse_.size() ? items_[at(s)] : entering;
      const double d = direction_[at(s)];
      if (item < 0 || std::fabs(d) <= still) continue;
      const auto c = at(item);
      const bool crossing = model_->kinked() && d * side_[c] < 0.0;
      double target = d > 0.0 ? high_[c] : low_[c], jump = kInfinity;
      if (crossing && (d > 0.0 ? held_[c] < target : held_[c] > target)) {
        target = held_[c];
        jump = 2.0 * kink(item);
      }
      if (std::fabs(target) < kInfinity) offer(item, d, target, target - x_[c], jump);
    }
    for (int i = 0; i < row_count_; ++i) {
      const double rate = rate_[at(i)];
      if (std::fabs(rate) <= still) continue;
      const double distance = model_->rhs(i) - value_[at(i)];
      const bool equality = i < model_->equalities();
      const RowState state = state_[at(i)];
      if (state == RowState::active) continue;
      if (state == RowState::off ? equality || rate > 0.0 : (state == RowState::above) == (rate < 0.0)) {
        offer(-1 - i, rate, model_->rhs(i), state == RowState::off && equality ? 0.0 : distance,
              state == RowState::above && !equality ? penalty_ : kInfinity);
      }
    }
  }
  if (best.found) best.length = std::min(best.length, most);
  return best;
}

// Whether the objective still falls beyond the kink. The slope along a Newton direction is linear and ends at zero.
bool Core::passes(const Block& block) const {
  if (block.jump == kInfinity || block.length <= kTie || model_->turnover() >= 0) return false;
  double slope = 0.0;
  for (int s = 0; s < inverse_.size(); ++s) {
    if (items_[at(s)] >= 0) slope += residual_[at(s)] * direction_[at(s)];
  }
  return slope * (1.0 - block.length) + block.jump * block.speed < 0.0;
}

void Core::pass(const Block& block) {
  if (block.item >= 0) {
    x_[at(block.item)] = block.target;
    side_[at(block.item)] = static_cast<signed char>(-side_[at(block.item)]);
  } else {
    value_[at(-1 - block.item)] = block.target;
    forget(block.item);
  }
}

bool Core::settle_rows(double near) {
  bool any = false;
  for (int i = 0; i < row_count_; ++i) {
    const bool open = state_[at(i)] == RowState::above || state_[at(i)] == RowState::below;
    if (!open || std::fabs(value_[at(i)] - model_->rhs(i)) > near) continue;
    forget(-1 - i);
    any = true;
  }
  return any;
}

// Whether the limit can join the working set. What depends on it does not move along the direction but by rounding.
bool Core::admits(const Block& block) {
  const double least = kDependent / model_->curvature();
  if (block.item >= 0) return inverse_(slot_[at(block.item)], slot_[at(block.item)]) > least;
  corner_ = border(block.item);
  return corner_ < -least;
}

void Core::ignore(int item) {
  if (item >= 0) {
    direction_[at(slot_[at(item)])] = 0.0;
  } else {
    rate_[at(-1 - item)] = 0.0;
  }
}

}  // namespace portfolio::active
