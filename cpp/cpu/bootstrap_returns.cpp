// Rows of history instead of a model: the stationary bootstrap of Politis and Romano 1994, section 2. Every step goes
// on to the next row (after the last comes the first) or, with probability 1 / block_length, jumps to any row.
#include <algorithm>
#include <cmath>

#include "philox.hpp"
#include "step_returns.hpp"

namespace portfolio {
namespace {

// One Philox block a path and step, in the stream of float64 normals behind all of theirs.
constexpr std::uint32_t kBlockNumber = (1u << 30) | ((1u << 30) - 1);

template <class T>
class HistoryReturns final : public StepReturns<T> {
 public:
  HistoryReturns(MatrixView history, double block_length, std::uint64_t seed)
      : history_(history), jump_(std::ceil(0x1p32 / block_length)), seed_(seed) {}

  void step(std::uint64_t first, std::uint32_t number, T* returns) override {
    for (std::size_t p = 0; p < kStrip; ++p) {
      const std::uint64_t path = first + p;
      const PhiloxBlock x =
          philox({static_cast<std::uint32_t>(path), static_cast<std::uint32_t>(path >> 32), number, kBlockNumber},
                 static_cast<std::uint32_t>(seed_), static_cast<std::uint32_t>(seed_ >> 32));
      const bool jumps = number == 0 || static_cast<double>(x.x0) < jump_;
      row_[p] = jumps ? any_row(x) : (row_[p] + 1) % history_.rows;
      const double* row = history_.data + row_[p] * history_.cols;
      for (std::size_t i = 0; i < history_.cols; ++i) returns[i * kStrip + p] = static_cast<T>(row[i]);
    }
  }

 private:
  // 64 bits times the number of rows: the rows differ in probability by less than 2^-32.
  std::size_t any_row(const PhiloxBlock& x) const {
    const std::uint64_t high = std::uint64_t{x.x1} * history_.rows, low = std::uint64_t{x.x2} * history_.rows;
    return static_cast<std::size_t>((high + (low >> 32)) >> 32);
  }

  MatrixView history_;
  double jump_;  // of 2^32
  std::uint64_t seed_;
  std::size_t row_[kStrip] = {};
};

}  // namespace

template <class T>
std::unique_ptr<StepReturns<T>> history_returns(MatrixView history, double block_length, std::uint64_t seed) {
  return std::make_unique<HistoryReturns<T>>(history, block_length, seed);
}
template std::unique_ptr<StepReturns<float>> history_returns(MatrixView, double, std::uint64_t);
template std::unique_ptr<StepReturns<double>> history_returns(MatrixView, double, std::uint64_t);

}  // namespace portfolio
