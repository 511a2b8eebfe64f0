// Moments, quantiles and tail of simulated values, each with its standard error.
#pragma once

#include <vector>

#include "portfolio/monte_carlo.hpp"

namespace portfolio {

// Sums over a sample, of values less a shift: a shift near the values keeps the squares accurate.
struct ShiftedSums {
  double shift = 0.0, sum = 0.0, squares = 0.0;
};

// Which order statistics the answer needs: a device that can select them never holds the sorted sample.
class StatisticsPlan {
 public:
  explicit StatisticsPlan(const SimulateOptions& options);

  const std::vector<std::size_t>& ranks() const { return ranks_; }  // ascending, 0 based
  std::size_t tail_rank() const { return tail_rank_; }              // of the value at the edge of the tail

  // Fills every statistic of `result`. `order` holds the values of ranks(); `all` is over the whole sample, `tail` over
  // the `tail_rank` lowest values.
  void finish(const std::vector<double>& order, const ShiftedSums& all, const ShiftedSums& tail,
              SimulateResult& result) const;

 private:
  // A quantile (Hyndman and Fan 1996, definition 7) and the two order statistics around it for its standard error.
  struct Place {
    double rank;               // of the quantile, 0 based
    std::size_t below, above;  // ranks two standard deviations of the binomial away
    double deviation;          // one standard deviation, in ranks
  };
  Place place_of(double level) const;
  double at(const std::vector<double>& order, std::size_t rank) const;
  double quantile(const std::vector<double>& order, double level) const;
  double standard_error(const std::vector<double>& order, double level) const;
  void finish_tail(double edge, const ShiftedSums& tail, SimulateResult& result) const;

  std::vector<double> levels_;
  double count_, start_, share_, tail_mass_;
  std::size_t last_, tail_rank_;
  std::vector<std::size_t> ranks_;
};

}  // namespace portfolio
