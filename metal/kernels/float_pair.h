// Sums and products of about 48 bits: a pair is x + y with |y| at most half a unit in the last place of x (Dekker 1971,
// Knuth 1997 4.2.2). A product is written fma(a, b, 0), which no compiler may fuse with the sum that follows.
#pragma once
#include <metal_stdlib>
using namespace metal;

inline float2 pair_sum(float a, float b) {
  const float sum = a + b;
  const float part = sum - a;
  return float2(sum, (a - (sum - part)) + (b - part));
}

// |a| >= |b| or a = 0.
inline float2 pair_ordered_sum(float a, float b) {
  const float sum = a + b;
  return float2(sum, b - (sum - a));
}

inline float2 pair_product(float a, float b) {
  const float product = fma(a, b, 0.0f);
  return float2(product, fma(a, b, -product));
}

inline float2 pair_add(float2 a, float2 b) {
  const float2 high = pair_sum(a.x, b.x), low = pair_sum(a.y, b.y);
  const float2 first = pair_ordered_sum(high.x, high.y + low.x);
  return pair_ordered_sum(first.x, first.y + low.y);
}

inline float2 pair_multiply(float2 a, float2 b) {
  const float2 high = pair_product(a.x, b.x);
  return pair_ordered_sum(high.x, fma(a.x, b.y, fma(a.y, b.x, high.y)));
}

inline float2 pair_scale(float2 a, float factor) { return pair_multiply(a, float2(factor, 0.0f)); }
