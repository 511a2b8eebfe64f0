// Philox4x32-10: Salmon, Moraes, Dror and Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3".
#pragma once
#include <metal_stdlib>
using namespace metal;

inline uint4 philox(uint4 counter, uint2 key) {
  for (uint round = 0u; round < 10u; ++round) {
    const uint low0 = 0xD2511F53u * counter.x, high0 = mulhi(0xD2511F53u, counter.x);
    const uint low2 = 0xCD9E8D57u * counter.z, high2 = mulhi(0xCD9E8D57u, counter.z);
    counter = uint4(high2 ^ counter.y ^ key.x, low2, high0 ^ counter.w ^ key.y, low0);
    key.x += 0x9E3779B9u;
    key.y += 0xBB67AE85u;
  }
  return counter;
}
