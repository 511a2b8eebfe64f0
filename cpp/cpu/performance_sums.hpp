// Sums over a series of returns, in lanes: a fixed order of additions that keeps the processor's units busy.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "portfolio/matrix.hpp"

namespace portfolio {

constexpr std::size_t kLanes = 4;

struct LaneSum {
  double lane[kLanes] = {};
  double total() const { return (lane[0] + lane[2]) + (lane[1] + lane[3]); }
};

template <class Visit>
inline void in_lanes(std::size_t count, const Visit& visit) {
  std::size_t t = 0;
  for (; t + kLanes <= count; t += kLanes) {
    for (std::size_t l = 0; l < kLanes; ++l) visit(t + l, l);
  }
  for (std::size_t l = 0; t + l < count; ++l) visit(t + l, l);
}

// Mean and what it takes to centre a value: the first one goes off first, so that a constant series is exactly flat.
struct Centre {
  double first, shift;
  double of(double value) const { return value - first - shift; }
  double mean() const { return first + shift; }
};

inline Centre centre_of(VectorView x) {
  LaneSum sum;
  in_lanes(x.size, [&](std::size_t t, std::size_t l) { sum.lane[l] += x[t] - x[0]; });
  return {x[0], sum.total() / static_cast<double>(x.size)};
}

// Gains and losses against zero and against a rate, and the extremes.
struct Sides {
  double gains, losses, excess_gains, excess_losses, squared_losses, positives, best, worst;
};

inline Sides sides_of(VectorView x, double rate) {
  LaneSum gains, losses, excess_gains, excess_losses, squares, positives, best, worst;
  for (std::size_t l = 0; l < kLanes; ++l) best.lane[l] = worst.lane[l] = x[0];
  in_lanes(x.size, [&](std::size_t t, std::size_t l) {
    const double r = x[t], e = r - rate;
    gains.lane[l] += r > 0.0 ? r : 0.0;
    losses.lane[l] += r > 0.0 ? 0.0 : -r;
    positives.lane[l] += r > 0.0 ? 1.0 : 0.0;
    const double loss = e > 0.0 ? 0.0 : -e;
    excess_gains.lane[l] += e > 0.0 ? e : 0.0;
    excess_losses.lane[l] += loss;
    squares.lane[l] += loss * loss;
    best.lane[l] = best.lane[l] < r ? r : best.lane[l];
    worst.lane[l] = r < worst.lane[l] ? r : worst.lane[l];
  });
  return {gains.total(),
          losses.total(),
          excess_gains.total(),
          excess_losses.total(),
          squares.total(),
          positives.total(),
          *std::max_element(best.lane, best.lane + kLanes),
          *std::min_element(worst.lane, worst.lane + kLanes)};
}

// Sums of powers of the deviations from the mean.
struct Powers {
  double second, third, fourth, absolute;
};

inline Powers powers_of(VectorView x, const Centre& centre) {
  LaneSum second, third, fourth, absolute;
  in_lanes(x.size, [&](std::size_t t, std::size_t l) {
    const double d = centre.of(x[t]), square = d * d;
    second.lane[l] += square;
    third.lane[l] += square * d;
    fourth.lane[l] += square * square;
    absolute.lane[l] += std::fabs(d);
  });
  return {second.total(), third.total(), fourth.total(), absolute.total()};
}

inline double second_of(VectorView x, const Centre& centre) {
  LaneSum second;
  in_lanes(x.size, [&](std::size_t t, std::size_t l) {
    const double d = centre.of(x[t]);
    second.lane[l] += d * d;
  });
  return second.total();
}

// The logarithm of a product, with few logarithms and no overflow.
class Growth {
 public:
  void times(double factor) {
    product_ *= factor;
    if (product_ > 1e100 || product_ < 1e-100) {
      logarithm_ += std::log(product_);
      product_ = 1.0;
    }
  }
  double logarithm() const { return logarithm_ + std::log(product_); }

 private:
  double product_ = 1.0, logarithm_ = 0.0;
};

}  // namespace portfolio
