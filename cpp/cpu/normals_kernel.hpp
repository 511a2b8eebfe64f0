// Strips of normals: Philox in 64-bit lanes, two vectors of paths that merge to one of 32-bit words, then Box-Muller.
#pragma once

#include "normal_formulas.hpp"
#include "normals.hpp"
#include "philox.hpp"

namespace {

using portfolio::DrawRange;
using portfolio::kStrip;

enum Stream : std::uint32_t { kNormal32 = 0, kNormal64 = 1u << 30, kChi32 = 2u << 30, kChi64 = 3u << 30 };

struct Words {
  U64 x0, x1, x2, x3;
};

constexpr std::size_t kLanes64 = kRegister / 8, kLanes32 = kRegister / 4;

// Keys of the ten rounds in every lane.
struct PhiloxKeys {
  U64 first[10], second[10];

  explicit PhiloxKeys(std::uint64_t seed) {
    auto k0 = static_cast<std::uint32_t>(seed), k1 = static_cast<std::uint32_t>(seed >> 32);
    for (int round = 0; round < 10; ++round, k0 += kPhiloxKey0, k1 += kPhiloxKey1) {
      first[round] = U64{} + k0;
      second[round] = U64{} + k1;
    }
  }
};

// The rounds of Philox for one vector of paths and many block numbers: what the block number cannot reach before the
// fourth round is computed once. Lanes hold words in their lower halves; the upper halves hold anything.
class PathRounds {
 public:
  PORTFOLIO_INLINE PathRounds(const PhiloxKeys& keys, U64 paths, std::uint32_t step) : keys_(keys) {
    const std::uint64_t b = kPhiloxB * step;
    const U64 a = multiply_low(paths, (U64{} + kPhiloxA));
    const U64 x0 = (paths >> 32) ^ (U64{} + (b >> 32)) ^ keys.first[0];
    const U64 a2 = multiply_low(x0, (U64{} + kPhiloxA));
    const U64 x2 = (a2 >> 32) ^ a ^ keys.second[1];
    before_ = (a >> 32) ^ keys.second[0];
    second_ = (U64{} + b) ^ keys.first[1];
    third_ = multiply_low(x2, (U64{} + kPhiloxB));
    third0_ = (third_ >> 32) ^ keys.first[2];
    third2_ = a2 ^ keys.second[2];
  }
  PORTFOLIO_INLINE Words third(std::uint32_t block) const {
    const U64 b2 = multiply_low(before_ ^ (U64{} + block), (U64{} + kPhiloxB));
    const U64 a3 = multiply_low((b2 >> 32) ^ second_, (U64{} + kPhiloxA));
    return {third0_ ^ b2, third_, third2_ ^ (a3 >> 32), a3};
  }
  PORTFOLIO_INLINE void next(Words& c, int round) const {
    const U64 a = multiply_low(c.x0, (U64{} + kPhiloxA)), b = multiply_low(c.x2, (U64{} + kPhiloxB));
    c = {(b >> 32) ^ (c.x1 ^ keys_.first[round]), b, (a >> 32) ^ (c.x3 ^ keys_.second[round]), a};
  }
  PORTFOLIO_INLINE Words words(std::uint32_t block) const {
    Words c = third(block);
#pragma GCC unroll 7
    for (int round = 3; round < 10; ++round) next(c, round);
    return c;
  }

 private:
  const PhiloxKeys& keys_;
  U64 before_, second_, third_, third0_, third2_;
};

// The paths of a vector of 32-bit lanes as two vectors that merge_low puts in order.
struct PathPair {
  PathRounds a, b;

  PORTFOLIO_INLINE PathPair(const PhiloxKeys& keys, std::uint64_t first, std::uint32_t step)
      : a(keys, numbers(first), step), b(keys, numbers(first + 2), step) {}
  PORTFOLIO_INLINE static U64 numbers(std::uint64_t first) {
    constexpr std::uint64_t order[8] = {0, 1, 4, 5, 8, 9, 12, 13};
    return load<U64>(order) + first;
  }
  PORTFOLIO_INLINE void words(std::uint32_t block, U32 (&out)[4]) const {
    Words u = a.third(block), v = b.third(block);
#pragma GCC unroll 7
    for (int round = 3; round < 10; ++round) {
      a.next(u, round);
      b.next(v, round);
    }
    out[0] = merge_low(u.x0, v.x0);
    out[1] = merge_low(u.x1, v.x1);
    out[2] = merge_low(u.x2, v.x2);
    out[3] = merge_low(u.x3, v.x3);
  }
};

PORTFOLIO_INLINE U64 consecutive(std::uint64_t first) {
  constexpr std::uint64_t order[8] = {0, 1, 2, 3, 4, 5, 6, 7};
  return load<U64>(order) + first;
}

// Words first, then their transform: each loop is short enough for the processor to overlap its rounds.
constexpr std::uint32_t kBatch = 16;  // blocks

[[maybe_unused]] void normals32(const DrawRange& range, std::size_t count, float* out) {
  const PhiloxKeys keys(range.seed);
  const auto blocks = static_cast<std::uint32_t>((count + 3) / 4);
  for (std::size_t p = 0; p < kStrip; p += kLanes32) {
    const PathPair paths(keys, range.first_path + p, range.step);
    for (std::uint32_t first = 0; first < blocks; first += kBatch) {
      const std::uint32_t batch = blocks - first < kBatch ? blocks - first : kBatch;
      U32 x[kBatch][4];
      for (std::uint32_t k = 0; k < batch; ++k) paths.words((first + k) | kNormal32, x[k]);
      for (std::uint32_t k = 0; k < 2 * batch; ++k) {
        F32 cosine, sine;
        box_muller32(x[k / 2][2 * (k % 2)], x[k / 2][2 * (k % 2) + 1], cosine, sine);
        float* row = out + (4 * first + 2 * k) * kStrip + p;
        store(row, cosine);
        store(row + kStrip, sine);
      }
    }
  }
}

[[maybe_unused]] void normals64(const DrawRange& range, std::size_t count, double* out) {
  const PhiloxKeys keys(range.seed);
  const auto blocks = static_cast<std::uint32_t>((count + 1) / 2);
  for (std::size_t p = 0; p < kStrip; p += kLanes64) {
    const PathRounds paths(keys, consecutive(range.first_path + p), range.step);
    for (std::uint32_t first = 0; first < blocks; first += kBatch) {
      const std::uint32_t batch = blocks - first < kBatch ? blocks - first : kBatch;
      Words x[kBatch];
      for (std::uint32_t k = 0; k < batch; ++k) x[k] = paths.words((first + k) | kNormal64);
      for (std::uint32_t k = 0; k < batch; ++k) {
        F64 cosine, sine;
        box_muller64(x[k].x0, x[k].x1, x[k].x2, x[k].x3, cosine, sine);
        double* row = out + 2 * (first + k) * kStrip + p;
        store(row, cosine);
        store(row + kStrip, sine);
      }
    }
  }
}

// Chi-squared: -2 log u has two degrees of freedom, the square of a normal one.
[[maybe_unused]] void chi_squared32(const DrawRange& range, int degrees, float* out) {
  const PhiloxKeys keys(range.seed);
  for (std::size_t p = 0; p < kStrip; p += kLanes32) {
    const PathPair paths(keys, range.first_path + p, range.step);
    F32 sum{};
    for (int pair = 0; 2 * pair < degrees; ++pair) {
      U32 x[4];
      paths.words(static_cast<std::uint32_t>(pair) | kChi32, x);
      F32 first, second;
      box_muller32(x[0], x[1], first, second);
      const bool single = 2 * pair + 1 == degrees;
      sum = single ? fma(first, first, sum) : sum + minus_twice_log32(unit32<F32>(x[2]));
    }
    store(out + p, sum);
  }
}

[[maybe_unused]] void chi_squared64(const DrawRange& range, int degrees, double* out) {
  const PhiloxKeys keys(range.seed);
  for (std::size_t p = 0; p < kStrip; p += kLanes64) {
    const PathRounds paths(keys, consecutive(range.first_path + p), range.step);
    F64 sum{};
    for (int pair = 0; 2 * pair < degrees; ++pair) {
      const Words x = paths.words(static_cast<std::uint32_t>(pair) | kChi64);
      F64 first, second;
      box_muller64(x.x0, x.x1, x.x2, x.x3, first, second);
      const bool single = 2 * pair + 1 == degrees;
      sum += single ? first * first : -2.0 * log64(unit64<F64>(x.x0, x.x1));
    }
    store(out + p, sum);
  }
}

[[maybe_unused]] void expm1s32(std::size_t count, float* values) {
  for (std::size_t k = 0; k < count; k += kLanes32) store(values + k, expm1_32(load<F32>(values + k)));
}

}  // namespace
