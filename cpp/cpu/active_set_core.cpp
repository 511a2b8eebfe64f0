// Set-up of the candidates, prices, and the loop. The steps are in active_set_step.cpp.
#include "active_set_core.hpp"

#include <algorithm>
#include <cmath>

#include "active_set_loops.hpp"
#include "active_set_tolerance.hpp"
#include "qp_limits.hpp"

namespace portfolio::active {

using qp::kInfinity;

void Core::attach(const Model& model, int capacity) {
  model_ = &model;
  count_ = stall_ = restarts_ = 0;
  row_count_ = model.rows();
  penalty_ = kPenalty;
  capacity_ = 0;
  const auto rows = at(row_count_);
  state_.assign(rows, RowState::off);
  row_slot_.assign(rows, -1);
  value_.assign(rows, 0.0);
  price_.assign(rows, 0.0);
  rate_.assign(rows, 0.0);
  inverse_.clear();
  items_.clear();
  reserve(capacity);
}

// Growing keeps what is there; a workspace that has seen such a problem before allocates nothing.
void Core::reserve(int capacity) {
  if (capacity <= capacity_) return;
  const int old = capacity_;
  capacity_ = capacity;
  const auto size = at(capacity), items = at(capacity + row_count_);
  for (auto* v : {&index_, &slot_}) v->resize(size);
  side_.resize(size);
  for (auto* v : {&x_, &low_, &high_, &held_, &cost_, &share_, &unit_, &gradient_}) v->resize(size);
  rows_.resize(size * at(row_count_));
  hessian_.resize(size * size);
  for (int c = count_ - 1; c > 0; --c) {
    std::copy_backward(hessian_.data() + at(c) * at(old), hessian_.data() + at(c) * at(old) + count_,
                       hessian_.data() + at(c) * size + count_);
  }
  for (auto* v : {&residual_, &direction_, &border_, &product_, &second_, &change_}) v->resize(items);
  scratch_.resize(items);
  items_.reserve(items);
  inverse_.reserve(std::min(static_cast<int>(items), capacity + row_count_));
}

int Core::add(int j, double x, double gradient) {
  if (count_ == capacity_) reserve(std::min(model_->n(), 2 * capacity_));
  const int c = count_++;
  const Model& m = *model_;
  const double column = m.column(j);
  index_[at(c)] = j;
  slot_[at(c)] = -1;
  side_[at(c)] = 0;
  x_[at(c)] = x;
  low_[at(c)] = m.lb(j) / column;
  high_[at(c)] = m.ub(j) / column;
  held_[at(c)] = m.held(j) / column;
  unit_[at(c)] = column * m.objective_scale();
  cost_[at(c)] = m.cost(j) * unit_[at(c)];
  share_[at(c)] = m.turnover() >= 0 ? column * m.row_scale(m.turnover()) : 0.0;
  set_gradient(c, gradient);
  for (int i = 0; i < row_count_; ++i) {
    rows_[at(c) * at(row_count_) + at(i)] =
        i == m.turnover() ? 0.0 : m.row(i)[static_cast<std::size_t>(j)] * column * m.row_scale(i);
  }
  double* own = hessian_.data() + at(c) * at(capacity_);
  m.hessian().gather(j, index_.data(), count_, own);
  for (int k = 0; k < count_; ++k) {
    own[k] *= unit_[at(c)] * m.column(index_[at(k)]);
    hessian_[at(k) * at(capacity_) + at(c)] = own[k];
  }
  return c;
}

double Core::kink(int c) const {
  if (!model_->kinked()) return 0.0;
  return cost_[at(c)] + kink_slope() * share_[at(c)];
}

double Core::slope_down(int c) const {
  if (x_[at(c)] <= low_[at(c)]) return -kInfinity;
  return x_[at(c)] <= held_[at(c)] ? -kink(c) : kink(c);
}

double Core::slope_up(int c) const {
  if (x_[at(c)] >= high_[at(c)]) return kInfinity;
  return x_[at(c)] < held_[at(c)] ? -kink(c) : kink(c);
}

double Core::coefficient(int c, int i) const {
  return i == model_->turnover() ? side_[at(c)] * share_[at(c)] : rows_of(c)[i];
}

double Core::reduced(int c) const { return gradient_[at(c)] + short_dot(row_count_, rows_of(c), price_.data()); }

// A row beyond its limit is priced, unless it is by rounding.
void Core::set_row(int i, double value) {
  value_[at(i)] = value;
  if (state_[at(i)] != RowState::off) return;
  const double beyond = value - model_->rhs(i);
  const bool equality = i < model_->equalities();
  if (std::fabs(beyond) <= kRestored || (!equality && beyond < 0.0)) return;
  state_[at(i)] = beyond > 0.0 ? RowState::above : RowState::below;
  price_[at(i)] = beyond > 0.0 ? penalty_ : -penalty_;
}

void Core::raise_price(double factor) {
  penalty_ *= factor;
  for (std::size_t i = 0; i < state_.size(); ++i) {
    if (state_[i] == RowState::above) price_[i] = penalty_;
    if (state_[i] == RowState::below) price_[i] = -penalty_;
  }
}

bool Core::priced() const {
  return std::any_of(state_.begin(), state_.end(),
                     [](RowState s) { return s == RowState::above || s == RowState::below; });
}

void Core::seed() {
  for (int c = 0; c < count_; ++c) {
    const double x = x_[at(c)];
    if (x <= low_[at(c)] || x >= high_[at(c)] || (model_->kinked() && x == held_[at(c)])) continue;
    side_[at(c)] = x > held_[at(c)] ? 1 : -1;
    const double corner = border(c);
    if (corner > kSeeded * model_->curvature()) flip_in(c, product_.data(), corner);
  }
  for (int i = 0; i < row_count_; ++i) {
    if (state_[at(i)] != RowState::off || std::fabs(value_[at(i)] - model_->rhs(i)) > kRestored) continue;
    const double corner = border(-1 - i);
    if (corner < -kDependent / model_->curvature()) flip_in(-1 - i, product_.data(), corner);
  }
}

// Stationarity of the free variables and distance of the active rows, in the order of the slots.
double Core::residual() {
  double worst = 0.0;
  top_price_ = 1.0;
  for (const double p : price_) top_price_ = std::max(top_price_, std::fabs(p));
  for (int s = 0; s < inverse_.size(); ++s) {
    const int item = items_[at(s)];
    const double r =
        item >= 0 ? reduced(item) + side_[at(item)] * kink(item) : value_[at(-1 - item)] - model_->rhs(-1 - item);
    residual_[at(s)] = r;
    worst = std::max(worst, std::fabs(r));
  }
  return worst;
}

// The largest multiplier of the wrong sign; the first one while the method stalls (Bland's rule).
Core::Entry Core::choose() const {
  Entry best;
  best.violation = kPrice * top_price_;
  const bool first = stall_ > kStall;
  const auto offer = [&](int item, int direction, double violation) {
    if (violation > best.violation) best = {item, direction, violation};
    return first && best.direction != 0;
  };
  for (int c = 0; c < count_; ++c) {
    if (slot_[at(c)] >= 0) continue;
    const double r = reduced(c);
    if (offer(c, 1, -(r + slope_up(c))) || offer(c, -1, r + slope_down(c))) return best;
  }
  for (int i = model_->equalities(); i < row_count_; ++i) {
    if (state_[at(i)] == RowState::active && offer(-1 - i, -1, -price_[at(i)])) return best;
  }
  return best;
}

Outcome Core::solve(long& steps, long most, double& work, double most_work, const Interrupt& interrupt) {
  double before = kInfinity;
  long rebuilt = steps - kRebuild;
  for (;; ++steps) {
    if (interrupt.requested()) return Outcome::interrupted;
    if (steps >= most || work > most_work) return Outcome::spent;
    const double k = inverse_.size();
    work += 5.0 * k * k + (k + 40.0) * (count_ + row_count_) + 2.0 * count_ * row_count_;
    const double worst = residual();
    if (!(worst < kInfinity)) return Outcome::stuck;
    const bool slow = worst > 0.3 * before;  // refinement gains nothing any more
    if (worst <= kStationary * top_price_ || (slow && (worst <= kPrice * top_price_ || steps < rebuilt + kRebuild))) {
      before = kInfinity;
      const Entry entry = choose();
      if (entry.direction == 0) return Outcome::optimal;
      const Outcome outcome = release(entry);
      if (outcome != Outcome::optimal) return outcome;
      settle_rows(kSettled);
      continue;
    }
    inverse_.multiply(residual_.data(), direction_.data());
    for (int s = 0; s < inverse_.size(); ++s) direction_[at(s)] = -direction_[at(s)];
    rates(-1);
    Block block = search(-1, 1.0);
    while (block.found && !passes(block) && !admits(block)) {
      ignore(block.item);
      block = search(-1, 1.0);
    }
    const bool through = block.found && passes(block);
    move(block.found ? block.length : 1.0, -1);
    if (through) {
      pass(block);
    } else if (block.found) {
      stop_at(block);
    } else if (slow) {
      rebuilt = steps;
      if (!rebuild()) {
        if (++restarts_ > kRestarts) return Outcome::stuck;
        restart();
      }
    }
    before = block.found ? kInfinity : worst;
    settle_rows(kSettled);
    if (stall_ > kMostStalled) return Outcome::stuck;
  }
}

void Core::refine() {
  double before = kInfinity;
  for (int pass = 0; pass < 4; ++pass) {
    const double worst = residual();
    if (!(worst < 0.5 * before) || worst == 0.0) return;
    before = worst;
    inverse_.multiply(residual_.data(), direction_.data());
    for (int s = 0; s < inverse_.size(); ++s) direction_[at(s)] = -direction_[at(s)];
    rates(-1);
    move(1.0, -1);
  }
}

}  // namespace portfolio::active
