// Where the asset returns of a strip of paths come from: a model's draws or rows of history. One object for each block
// of paths, which are taken strip by strip and each strip step by step from 0.
#pragma once

#include <cstdint>
#include <memory>
#include <new>

#include "normals.hpp"
#include "portfolio/monte_carlo.hpp"
#include "scenario_steps.hpp"

namespace portfolio {

// Numbers, not set, that begin at a cache line, so that no vector of a strip crosses one.
template <class T>
class Lines {
 public:
  explicit Lines(std::size_t count) : data_(new (std::align_val_t{64}) T[count + 1]) {}
  T* data() const { return data_.get(); }

 private:
  struct Free {
    void operator()(T* p) const { ::operator delete[](p, std::align_val_t{64}); }
  };
  std::unique_ptr<T[], Free> data_;
};

template <class T>
class StepReturns {
 public:
  virtual ~StepReturns() = default;
  // returns[i * kStrip + p]: of asset i on path first + p.
  virtual void step(std::uint64_t first, std::uint32_t number, T* returns) = 0;
};

class Sobol;

// normal, lognormal and student_t; `sobol`, if any, has a dimension for each step and column of the factor.
template <class T>
std::unique_ptr<StepReturns<T>> model_returns(const PackedFactor<T>& factor, const Sobol* sobol,
                                              const SimulateOptions& options);

// Rows of `history` (observations x assets, fewer than 2^31), in stretches of `block_length` on average.
template <class T>
std::unique_ptr<StepReturns<T>> history_returns(MatrixView history, double block_length, std::uint64_t seed);

}  // namespace portfolio
