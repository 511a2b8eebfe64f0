// Philox4x32-10: Salmon, Moraes, Dror and Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3".
// Internal linkage: this is compiled once for each instruction level, and the linker must not merge the copies.
#pragma once

#include <cstdint>

namespace {

constexpr std::uint64_t kPhiloxA = 0xD2511F53u, kPhiloxB = 0xCD9E8D57u;        // multipliers
constexpr std::uint32_t kPhiloxKey0 = 0x9E3779B9u, kPhiloxKey1 = 0xBB67AE85u;  // what a round adds to the key

struct PhiloxBlock {
  std::uint32_t x0, x1, x2, x3;
};

[[gnu::always_inline, maybe_unused]] inline PhiloxBlock philox(PhiloxBlock c, std::uint32_t k0, std::uint32_t k1) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = kPhiloxA * c.x0;
    const std::uint64_t b = kPhiloxB * c.x2;
    c = {static_cast<std::uint32_t>(b >> 32) ^ c.x1 ^ k0, static_cast<std::uint32_t>(b),
         static_cast<std::uint32_t>(a >> 32) ^ c.x3 ^ k1, static_cast<std::uint32_t>(a)};
    k0 += kPhiloxKey0;
    k1 += kPhiloxKey1;
  }
  return c;
}

}  // namespace
