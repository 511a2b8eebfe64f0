// Statistics of a sample that passes through GPU memory in chunks and is never kept.
#pragma once

#include <functional>

#include "gpu.hpp"
#include "portfolio/monte_carlo.hpp"

namespace portfolio::metal {

// The numbers do not fit float32, which is no fault of the GPU: the CPU does the work.
struct OutOfRange : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Shows the visitor every chunk of profits (pairs of floats, per unit of the initial value) and its length, in order.
using Visitor = std::function<void(const Buffer& profits, std::uint32_t count)>;
using Chunks = std::function<void(const Visitor& visit)>;

constexpr std::size_t kMostBuckets = 2048;                 // as in chunked_statistics.metal
constexpr std::size_t kCandidates = std::size_t{1} << 18;  // values gathered, at most

// Fills every statistic of `result`. `expected`: the profit that is expected, roughly.
// Throws Failure, and OutOfRange.
void summarise(Gpu& gpu, const Chunks& chunks, double expected, const SimulateOptions& options, SimulateResult& result);

}  // namespace portfolio::metal
