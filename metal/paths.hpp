// Simulated paths on the GPU: from a model of returns to the profit of each scenario.
#pragma once

#include "gpu.hpp"
#include "kernels/params.h"
#include "portfolio/monte_carlo.hpp"
#include "return_model.hpp"

namespace portfolio::metal {

class Paths {
 public:
  Paths(Gpu& gpu, const ReturnModel& model, VectorView weights, const SimulateOptions& options);

  // Profit per unit of the initial value, a pair of floats that add up to it, of paths first .. first + count.
  void simulate(std::size_t first, std::size_t count, const Buffer& profits);
  // Asset returns of the first step of every path, into scenarios x n.
  void keep_returns(Matrix& kept);

 private:
  // Zero-filled to whole tiles and blocks, in the order in which a shader reads it.
  void write_model(const ReturnModel& model, const std::vector<double>& weights);
  void plan_work();
  SimulateParams slice(std::size_t first, std::size_t count) const;
  Dispatch over_paths(const char* kernel, std::vector<Argument> arguments, std::size_t paths, std::uint32_t rows) const;
  void follow(SimulateParams slice, const Buffer& profits);

  Gpu& gpu_;
  const SimulateOptions& options_;
  bool holds_;  // each asset grows by itself
  SimulateParams params_{};
  std::size_t steps_ = 1, paths_ = 1;  // of one command buffer, at most
  Buffer mean_, factor_, weights_, growth_, earned_;
};

}  // namespace portfolio::metal
