// The arithmetic of one step of a strip of kStrip paths, for each instruction level. Arrays are asset by asset: entry
// (path p, asset i) is at [i * kStrip + p]. All levels with a fused multiply-add give the same bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "normals.hpp"
#include "return_model.hpp"
#include "simd_level.hpp"

namespace portfolio {

// Up to kTileRows assets of the factor, by the number of entries up to the last that is not zero.
template <class T>
struct FactorTile {
  std::size_t rows, depth;
  const std::size_t* length;   // rows, ascending; the last is `depth`
  const T* mean;               // rows
  const T* entries;            // depth x rows
  const std::uint32_t* asset;  // rows: where each return goes
};
constexpr std::size_t kTileRows = 6;

template <class T>
struct StepKernels {
  // out = mean + factor z.
  void (*returns)(const FactorTile<T>* tiles, std::size_t count, const T* z, T* out);
  // z of `rows` rows times the deviation sqrt((degrees - 2) / chi-squared) of its path.
  void (*spread)(const T* chi_squared, T degrees, std::size_t rows, T* z);
  // value *= 1 + weights'returns.
  void (*rebalance)(const double* weights, std::size_t n, const T* returns, double* value);
  // growth *= 1 + returns.
  void (*grow)(std::size_t n, const T* returns, double* growth);
  // value = start (1 + weights'(growth - 1)).
  void (*hold)(const double* weights, std::size_t n, const double* growth, double start, double* value);
};

struct ScenarioKernels {
  StepKernels<float> steps32;
  StepKernels<double> steps64;
  // below[b] += how many values are under low[b]; inside[k] says whether value k is in any low[b] .. high[b]. `count`
  // is a multiple of kStrip.
  void (*sort_out)(const double* values, std::size_t count, const double* low, const double* high, std::size_t brackets,
                   std::int64_t* below, std::int64_t* inside);
};

// A factor in the order in which the kernels read it: assets with few leading entries first, so that a Cholesky factor,
// pivoted or not, costs half of a full one.
template <class T>
class PackedFactor {
 public:
  explicit PackedFactor(const ReturnModel& model);
  PackedFactor(const PackedFactor&) = delete;  // tiles point into it
  PackedFactor& operator=(const PackedFactor&) = delete;

  const std::vector<FactorTile<T>>& tiles() const { return tiles_; }
  std::size_t assets() const { return asset_.size(); }
  std::size_t rank() const { return rank_; }

 private:
  std::size_t rank_;
  std::vector<std::size_t> length_;
  std::vector<T> mean_, entries_;
  std::vector<std::uint32_t> asset_;
  std::vector<FactorTile<T>> tiles_;
};

}  // namespace portfolio

PORTFOLIO_SIMD_TABLE(ScenarioKernels, scenario_kernels)
