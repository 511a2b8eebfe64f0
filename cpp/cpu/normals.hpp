// Random numbers of the simulation. The counter of one Philox block is (path, step, block number and stream) under the
// key `seed`, so any draw can be made alone and none depends on the order or the number of threads.
#pragma once

#include <cstddef>
#include <cstdint>

#include "simd_level.hpp"

namespace portfolio {

constexpr std::size_t kStrip = 64;      // paths that are drawn together
constexpr std::size_t kDrawsRound = 4;  // rows of draws are written in multiples of this

// Where in the stream to draw: the strip of paths first_path .. first_path + kStrip of one step.
struct DrawRange {
  std::uint64_t seed, first_path;
  std::uint32_t step;
};

// Functions of one instruction level, the same bits in all: out[k * kStrip + p] is draw k of path p.
struct NormalKernels {
  // Standard normals k = 0 .. count; `out` has room for `count` rounded up to kDrawsRound.
  void (*normals32)(const DrawRange&, std::size_t count, float* out);
  void (*normals64)(const DrawRange&, std::size_t count, double* out);
  // One chi-squared variable of each path, with `degrees` of freedom.
  void (*chi_squared32)(const DrawRange&, int degrees, float* out);
  void (*chi_squared64)(const DrawRange&, int degrees, double* out);
  // exp(x) - 1 of each value, in place; `count` is a multiple of kStrip.
  void (*expm1s32)(std::size_t count, float* values);
};

}  // namespace portfolio

PORTFOLIO_SIMD_TABLE(NormalKernels, normal_kernels)
