// The float32 draws of cpp/cpu/normals_kernel.hpp, bit for bit: the same polynomials of + - * fma sqrt and integers, on
// values that are never denormal. No sum meets a product that is not an explicit fma, so contraction changes nothing.
#pragma once
#include <metal_stdlib>

#include "philox.h"
using namespace metal;

constant constexpr uint CHI_STREAM = 2u << 30;

// (x + 1/2) / 2^32, in (0, 1].
inline float unit_float(uint x) {
  return fma(float(x & 0xFFu) + 0.5f, 2.3283064365386963e-10f, float(x >> 8) * 5.9604644775390625e-8f);
}

// log of u in [2^-33, 1].
inline float log_unit(float u) {
  const int bits = as_type<int>(u);
  const int e = (bits - 0x3F3504F3) >> 23;  // u = 2^e m, m in [sqrt(1/2), sqrt(2))
  const float f = as_type<float>(bits - e * (1 << 23)) - 1.0f;
  const float k = float(e);
  float q = -0.080646812915802f;
  q = fma(q, f, 0.12917880713939667f);
  q = fma(q, f, -0.13072548806667328f);
  q = fma(q, f, 0.1417345404624939f);
  q = fma(q, f, -0.16628921031951904f);
  q = fma(q, f, 0.2000269591808319f);
  q = fma(q, f, -0.2500075101852417f);
  q = fma(q, f, 0.3333331346511841f);
  q = fma(q, f, -0.4999999701976776f);
  const float tail = fma(k, -2.12194440e-4f, f * f * q);
  return fma(k, 0.693359375f, f + tail);
}

// Cosine and sine of 2 pi (x's upper 24 bits + 1/2) / 2^24.
inline float2 cosine_sine(uint x) {
  const uint y = x >> 8;
  const uint quarter = (y + (1u << 21)) >> 22;
  const float t = (float(int(y - (quarter << 22))) + 0.5f) * 5.9604644775390625e-8f;
  const float z = t * t;
  float s = 41.47294998168945f;
  s = fma(s, z, -76.69786834716797f);
  s = fma(s, z, 81.6052017211914f);
  s = fma(s, z, -41.34170150756836f);
  s = fma(s, z, 6.2831854820251465f) * t;
  float c = 59.22040557861328f;
  c = fma(c, z, -85.44285583496094f);
  c = fma(c, z, 64.93931579589844f);
  c = fma(c, z, -19.739208221435547f);
  c = fma(c, z, 1.0f);
  const uint odd = 0u - (quarter & 1u);
  const uint a = as_type<uint>(s), b = as_type<uint>(c);
  return float2(as_type<float>(((b & ~odd) | (a & odd)) ^ (((quarter + 1u) & 2u) << 30)),
                as_type<float>(((a & ~odd) | (b & odd)) ^ ((quarter & 2u) << 30)));
}

// Two standard normals of 32 bits for the radius and 24 for the angle.
inline float2 box_muller(uint radius, uint angle) {
  // + 0 so that the largest word gives +0, as on the CPU
  return cosine_sine(angle) * precise::sqrt(fma(-2.0f, log_unit(unit_float(radius)), 0.0f));
}

// The standard normals 4 block .. 4 block + 3 of the path and step in `counter` (path low, path high, step, -).
inline float4 normals_of(uint4 counter, uint block, uint2 key) {
  const uint4 x = philox(uint4(counter.x, counter.y, counter.z, block), key);
  const float2 first = box_muller(x.x, x.y), second = box_muller(x.z, x.w);
  return float4(first.x, first.y, second.x, second.y);
}

// Chi-squared: -2 log u has two degrees of freedom, the square of a normal one.
inline float chi_squared(uint4 counter, uint degrees, uint2 key) {
  float sum = 0.0f;
  for (uint pair = 0u; 2u * pair < degrees; ++pair) {
    const uint4 x = philox(uint4(counter.x, counter.y, counter.z, pair | CHI_STREAM), key);
    if (2u * pair + 1u == degrees) {
      const float normal = box_muller(x.x, x.y).x;
      sum = fma(normal, normal, sum);
    } else {
      sum = fma(-2.0f, log_unit(unit_float(x.z)), sum);
    }
  }
  return sum;
}

// exp(x) - 1 = 2^k (exp(r) - 1) + 2^k - 1 with r = x - k log 2. Half of 2^k is used, which exists for every k.
inline float exp_less_one(float x) {
  x = x < 89.0f ? x : 89.0f;    // infinite from here on
  x = x > -25.0f ? x : -25.0f;  // -1 from here on
  const float k = fma(x, 1.44269504f, 12582912.0f) - 12582912.0f;
  const float r = fma(k, 2.12194440e-4f, fma(k, -0.693359375f, x));
  float q = 0.00019907574460376054f;
  q = fma(q, r, 0.0013933642767369747f);
  q = fma(q, r, 0.00833328627049923f);
  q = fma(q, r, 0.04166646674275398f);
  q = fma(q, r, 0.1666666716337204f);
  q = fma(q, r, 0.5f);
  const float half_power = as_type<float>((int(k) + 126) * (1 << 23));
  return 2.0f * fma(half_power, fma(r * r, q, r), half_power - 0.5f);
}
