// One step: what enters, how far, and what stops it.
#include <algorithm>
#include <cmath>

#include "active_set_core.hpp"
#include "active_set_loops.hpp"
#include "active_set_tolerance.hpp"
#include "qp_limits.hpp"

namespace portfolio::active {

using qp::kInfinity;

// The column that the item would have in the KKT matrix.
double Core::border(int item) {
  double diagonal = 0.0;
  for (int s = 0; s < inverse_.size(); ++s) {
    const int other = items_[at(s)];
    double value = 0.0;
    if (item >= 0) {
      value = other >= 0 ? hessian(item)[other] : coefficient(item, -1 - other);
    } else if (other >= 0) {
      value = coefficient(other, -1 - item);
    }
    border_[at(s)] = value;
  }
  if (item >= 0) diagonal = hessian(item)[item];
  inverse_.multiply(border_.data(), product_.data());
  return diagonal - loops().dot(inverse_.size(), border_.data(), product_.data());
}

void Core::flip_in(int item, const double* u, double corner) {
  inverse_.append(u, corner);
  items_.push_back(item);
  renumber(inverse_.size() - 1);
}

void Core::renumber(int slot) {
  const int item = items_[at(slot)];
  if (item >= 0) {
    slot_[at(item)] = slot;
  } else {
    row_slot_[at(-1 - item)] = slot;
    state_[at(-1 - item)] = RowState::active;
  }
}

// What the item is outside the working set.
void Core::forget(int item) {
  if (item >= 0) {
    slot_[at(item)] = -1;
  } else {
    row_slot_[at(-1 - item)] = -1;
    state_[at(-1 - item)] = RowState::off;
    price_[at(-1 - item)] = 0.0;
  }
}

void Core::take_out(int slot) {
  forget(items_[at(slot)]);
  inverse_.remove(slot);
  items_[at(slot)] = items_.back();
  items_.pop_back();
  if (slot < inverse_.size()) renumber(slot);
}

// Lets the item go. Where there is curvature the next direction minimises; where there is none, at once to the first
// limit, which takes the item's place.
Outcome Core::release(const Entry& entry) {
  const bool row = entry.item < 0;
  const int i = -1 - entry.item, c = entry.item;
  double corner = 0.0;
  if (row) {
    const int slot = row_slot_[at(i)];
    if (-inverse_(slot, slot) > kFlat * model_->curvature()) {
      take_out(slot);
      return Outcome::optimal;
    }
    for (int s = 0; s < inverse_.size(); ++s) direction_[at(s)] = -inverse_(slot, s);
  } else {
    const double at_held = x_[at(c)] - held_[at(c)];
    side_[at(c)] = entry.direction > 0 ? (at_held >= 0.0 ? 1 : -1) : (at_held > 0.0 ? 1 : -1);
    corner = border(c);
    if (corner > kFlat * model_->curvature()) {
      flip_in(c, product_.data(), corner);
      return Outcome::optimal;
    }
    for (int s = 0; s < inverse_.size(); ++s) direction_[at(s)] = -entry.direction * product_[at(s)];
    direction_[at(inverse_.size())] = entry.direction;
  }
  const int entering = row ? -1 : c;
  rates(entering);
  if (row) rate_[at(i)] = -1.0;
  const Block block = search(entering, kInfinity);
  if (!block.found) return Outcome::unbounded;
  move(block.length, entering);
  if (block.item == entry.item) {
    x_[at(c)] = block.target;
    return Outcome::optimal;
  }
  return exchange(entry.item, corner, block) ? Outcome::optimal : Outcome::stuck;
}

void Core::move(double length, int entering) {
  stall_ = length > kTie ? 0 : stall_ + 1;
  if (length == 0.0) return;
  const int k = inverse_.size() + (entering >= 0 ? 1 : 0);
  int moved = 0;
  for (int s = 0; s < k; ++s) {
    const int item = s < inverse_.size() ? items_[at(s)] : entering;
    const double change = length * direction_[at(s)];
    if (item < 0) {
      price_[at(-1 - item)] += change;
      continue;
    }
    x_[at(item)] += change;
    scratch_[at(moved)] = item;
    change_[at(moved++)] = change;
  }
  for (int i = 0; i < row_count_; ++i) value_[at(i)] += length * rate_[at(i)];
  loops().accumulate(count_, moved, hessian_.data(), at(capacity_), scratch_.data(), change_.data(), gradient_.data());
}

// The variable stays at its kink, the row becomes active.
void Core::stop_at(const Block& block) {
  if (block.item >= 0) {
    x_[at(block.item)] = block.target;
    take_out(slot_[at(block.item)]);
  } else {
    value_[at(-1 - block.item)] = block.target;
    flip_in(block.item, product_.data(), corner_);
  }
}

// The item that was let go and the limit that stopped it change places: alone, either would leave K singular.
bool Core::exchange(int entering, double corner, const Block& block) {
  Change in, out;
  double cross = 0.0;
  if (entering >= 0) {
    in = {-1, product_.data(), corner};
  } else {
    in.slot = row_slot_[at(-1 - entering)];
  }
  if (block.item >= 0) {
    x_[at(block.item)] = block.target;
    out.slot = slot_[at(block.item)];
    cross = in.slot < 0 ? -product_[at(out.slot)] : -inverse_(in.slot, out.slot);
  } else {
    value_[at(-1 - block.item)] = block.target;
    std::copy_n(product_.data(), inverse_.size(), second_.data());
    const double own = border(block.item);
    if (in.slot < 0) {
      in.u = second_.data();
      cross = coefficient(entering, -1 - block.item) - loops().dot(inverse_.size(), border_.data(), second_.data());
    } else {
      cross = -product_[at(in.slot)];
    }
    out = {-1, product_.data(), own};
  }
  if (!inverse_.change(in, out, cross)) return false;
  if (in.slot >= 0) forget(entering);
  if (out.slot >= 0) forget(block.item);
  if (in.slot < 0 && out.slot < 0) {
    items_.push_back(entering);
    items_.push_back(block.item);
    renumber(inverse_.size() - 2);
    renumber(inverse_.size() - 1);
  } else if (in.slot < 0 || out.slot < 0) {
    const int slot = in.slot < 0 ? out.slot : in.slot;
    items_[at(slot)] = in.slot < 0 ? entering : block.item;
    renumber(slot);
  } else {
    for (const int slot : {std::max(in.slot, out.slot), std::min(in.slot, out.slot)}) {
      items_[at(slot)] = items_.back();
      items_.pop_back();
      if (slot < static_cast<int>(items_.size())) renumber(slot);
    }
  }
  return true;
}

// The inverse again from the working set; false when that is singular.
bool Core::rebuild() {
  return inverse_.assign(inverse_.size(), [this](int s, int t) {
    const int a = items_[at(s)], b = items_[at(t)];
    if (a >= 0 && b >= 0) return hessian(a)[b];
    if (a < 0 && b < 0) return 0.0;
    return a >= 0 ? coefficient(a, -1 - b) : coefficient(b, -1 - a);
  });
}

// From where the point is, with nothing in the working set: where rounding has made it singular.
void Core::restart() {
  for (const int item : items_) forget(item);
  items_.clear();
  inverse_.clear();
  for (int i = 0; i < row_count_; ++i) set_row(i, value_[at(i)]);
}

}  // namespace portfolio::active
