#include "sobol.hpp"

#include <bit>

#include "philox.hpp"
#include "sobol_directions.hpp"

namespace portfolio {
namespace {

static_assert(sizeof(kSobolPolynomials) / sizeof(kSobolPolynomials[0]) == kSobolDimensions - 1);

std::uint32_t reversed(std::uint32_t x) {
  x = (x >> 16) | (x << 16);
  x = ((x & 0xFF00FF00u) >> 8) | ((x & 0x00FF00FFu) << 8);
  x = ((x & 0xF0F0F0F0u) >> 4) | ((x & 0x0F0F0F0Fu) << 4);
  x = ((x & 0xCCCCCCCCu) >> 2) | ((x & 0x33333333u) << 2);
  return ((x & 0xAAAAAAAAu) >> 1) | ((x & 0x55555555u) << 1);
}

// A bit of the result depends on the bits below it only: on reversed bits that is a nested permutation.
std::uint32_t laine_karras(std::uint32_t x, std::uint32_t key) {
  x ^= x * 0x3d20adeau;
  x += key;
  x *= (key >> 16) | 1u;
  x ^= x * 0x05526c56u;
  x ^= x * 0x53a22864u;
  return x;
}

// The direction numbers of one dimension after its initial ones: Bratley and Fox 1988, "Algorithm 659".
void extend(std::uint32_t polynomial, const std::uint32_t* initial, std::uint32_t* out) {
  const int degree = static_cast<int>(std::bit_width(polynomial)) - 1;
  std::uint32_t m[32] = {};
  for (int k = 0; k < 32; ++k) {
    if (k < degree) {
      m[k] = initial[k];
    } else {
      m[k] = m[k - degree];
      for (int j = 1; j <= degree; ++j) {
        if ((polynomial >> (degree - j)) & 1u) m[k] ^= m[k - j] << j;
      }
    }
    out[k] = reversed(m[k] << (31 - k));
  }
}

}  // namespace

Sobol::Sobol(std::size_t dimensions, bool scramble, std::uint64_t seed)
    : directions_(32 * dimensions), scramble_(scramble), seed_(seed) {
  for (std::size_t k = 0; k < 32 && dimensions > 0; ++k) directions_[k] = 1u << k;  // van der Corput
  std::size_t bit = 0;
  for (std::size_t d = 1; d < dimensions; ++d) {
    const std::uint32_t polynomial = kSobolPolynomials[d - 1];
    std::uint32_t initial[16] = {1};
    for (std::size_t k = 1; k + 1 < static_cast<std::size_t>(std::bit_width(polynomial)); ++k) {
      initial[k] = 1;
      for (std::size_t b = 1; b <= k; ++b, ++bit) {
        initial[k] |= static_cast<std::uint32_t>((kSobolInitial[bit / 64] >> (bit % 64)) & 1u) << b;
      }
    }
    extend(polynomial, initial, &directions_[32 * d]);
  }
}

void Sobol::points(std::size_t dimension, std::uint64_t first, std::size_t count, double* out) const {
  const std::uint32_t* direction = &directions_[32 * dimension];
  const auto gray = static_cast<std::uint32_t>(first ^ (first >> 1));
  std::uint32_t point = 0;
  for (std::uint32_t rest = gray; rest != 0; rest &= rest - 1) point ^= direction[std::countr_zero(rest)];
  const auto key = static_cast<std::uint32_t>(seed_), high = static_cast<std::uint32_t>(seed_ >> 32);
  const std::uint32_t hash = philox({static_cast<std::uint32_t>(dimension), 0, 0, ~0u}, key, high).x0;
  for (std::size_t p = 0; p < count; ++p) {
    if (p > 0) point ^= direction[std::countr_zero(p)];
    const std::uint32_t x = reversed(scramble_ ? laine_karras(point, hash) : point);
    out[p] = (static_cast<double>(x) + 0.5) * 0x1p-32;
  }
}

}  // namespace portfolio
