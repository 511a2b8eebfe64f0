// Points of the Sobol sequence, in the order of Antonov and Saleev 1979 (Gray code), and their scrambling.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace portfolio {

constexpr std::size_t kSobolDimensions = 1111;
constexpr std::uint64_t kSobolPoints = std::uint64_t{1} << 32;

class Sobol {
 public:
  // The first `dimensions` of them. Scrambled: nested uniform scrambling (Owen 1995) of each dimension by a hash,
  // Burley 2020, "Practical hash-based Owen scrambling", JCGT 9(4), section 3, with the permutation of Laine and Karras
  // 2011.
  Sobol(std::size_t dimensions, bool scramble, std::uint64_t seed);

  // Coordinate `dimension` of points first .. first + count, the middle of their 32-bit cells, in (0, 1). `first` and
  // `count` are a multiple of a power of two and it.
  void points(std::size_t dimension, std::uint64_t first, std::size_t count, double* out) const;

 private:
  std::vector<std::uint32_t> directions_;  // 32 for each dimension, bits reversed
  bool scramble_;
  std::uint64_t seed_;
};

}  // namespace portfolio
