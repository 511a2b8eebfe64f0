// Exact statistics of a long sample that is never in memory: around each order statistic that is needed a bracket of
// values is kept, and narrowed as the sample grows; of the rest only counts and sums are.
#pragma once

#include <cstdint>
#include <vector>

#include "sample_statistics.hpp"

namespace portfolio {

class StreamingStatistics {
 public:
  // `expected`: about the mean of the values. Without `narrowing` all values are kept, which cannot fail.
  StreamingStatistics(const SimulateOptions& options, double expected, bool narrowing);

  // How many values the next round takes; 0 after the last.
  std::size_t next() const;

  // What one block of values adds; blocks of a round may be gathered at the same time. `values` has room for `count`
  // rounded up to kStrip.
  struct Part {
    double sum = 0.0, squares = 0.0, tail_sum = 0.0, tail_squares = 0.0;
    std::vector<std::int64_t> below;        // for each bracket
    std::vector<std::vector<double>> kept;  // for each bracket
  };
  Part gather(double* values, std::size_t count) const;

  // Takes the parts of a round, in the order of their blocks.
  void add(std::vector<Part>& parts, std::size_t count);

  // Fills every statistic of `result`; false if a bracket was too narrow (less than once in 10^7 runs), or where values
  // are NaN.
  bool finish(SimulateResult& result);

 private:
  struct Bracket {
    std::size_t first, last;  // the needed ranks inside: plan_.ranks()[first .. last)
    double low, high;         // ends included
    std::size_t below;        // values under `low` so far
    std::vector<double> kept;
  };
  void narrow();
  std::vector<Bracket> split(const Bracket& old, std::size_t& tail) const;

  StatisticsPlan plan_;
  std::size_t total_, seen_ = 0, narrowed_ = 0;
  std::size_t tail_ = 0;  // the bracket of the tail's edge
  bool narrowing_;
  std::vector<Bracket> brackets_;
  ShiftedSums all_, below_tail_;
};

}  // namespace portfolio
