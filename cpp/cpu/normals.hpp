// Random numbers of the simulation. The counter of one Philox block is (path, step, block number and stream) under the
// key `seed`, so any draw can be made alone and none depends on the order or the number of threads.
#pragma once

#include <cstddef>
#include <cstdint>

#include "simd_level.hpp"

namespace portfolio {

// Where in the stream to draw: paths first_path .. first_path + paths of one step.
struct DrawRange {
  std::uint64_t seed, first_path;
  std::size_t paths;
  std::uint32_t step;
};

// Functions of one instruction level, the same bits in all: out[k * paths + p] is draw k of path p.
struct NormalKernels {
  // Standard normals k = 0 .. count.
  void (*normals32)(const DrawRange&, std::size_t count, float* out);
  void (*normals64)(const DrawRange&, std::size_t count, double* out);
  // One chi-squared variable of each path, with `degrees` of freedom.
  void (*chi_squared32)(const DrawRange&, int degrees, float* out);
  void (*chi_squared64)(const DrawRange&, int degrees, double* out);
  // exp(x) - 1 of each value, in place.
  void (*expm1s32)(std::size_t count, float* values);
};

}  // namespace portfolio

PORTFOLIO_SIMD_TABLE(NormalKernels, normal_kernels)
