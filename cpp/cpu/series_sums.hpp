// Sums over a series of returns, for each instruction level. They run in eight chains and in a fixed order, so that
// every level gives the same bits.
#pragma once

#include <cstddef>

#include "simd_level.hpp"

namespace portfolio {

// Mean and what it takes to centre a value: the first one goes off first, so that a constant series is exactly flat.
struct Centre {
  double first, shift;
  double mean() const { return first + shift; }
};

// Sums of powers of the deviations from the mean.
struct Powers {
  double second, third, fourth, absolute;
};

// Gains and losses against zero and against a rate, and the extremes.
struct Sides {
  double gains, losses, excess_gains, excess_losses, squared_losses, positives, best, worst;
};

// Sums of x - b - (x_0 - b_0) and of the products of both deviations.
struct Together {
  double difference, product;
};

constexpr std::size_t kGrowth = 32;      // periods whose growth is multiplied at once
constexpr std::size_t kFewValues = 128;  // that are sorted by counting

struct SeriesKernels {
  double (*shift)(const double* x, std::size_t count, double first);  // sum of x - first
  Powers (*powers)(const double* x, std::size_t count, Centre own);
  Sides (*sides)(const double* x, std::size_t count, double rate);
  Together (*together)(const double* x, const double* b, std::size_t count, Centre own, Centre market);
  double (*active)(const double* x, const double* b, std::size_t count, Centre difference);  // second power of x - b
  double (*residual)(const double* x, const double* b, std::size_t count, Centre own, Centre market, double beta);
  // Products of 1 + x over the periods in which b rose and in which it fell, of at most kGrowth.
  void (*growth)(const double* x, const double* b, std::size_t count, double* up, double* down);
  // At most kFewValues finite values, ascending.
  void (*sort)(const double* values, std::size_t count, double* sorted);
};

}  // namespace portfolio

PORTFOLIO_SIMD_TABLE(SeriesKernels, series_kernels)

namespace portfolio {

inline const SeriesKernels& series() {
  static const SeriesKernels& chosen = PORTFOLIO_SIMD_CHOOSE(series_kernels);
  return chosen;
}

inline Centre centre_of(const double* x, std::size_t count) {
  return {x[0], series().shift(x, count, x[0]) / static_cast<double>(count)};
}

}  // namespace portfolio
