// Box-Muller (1958) with our own logarithm, sine and cosine: integer operations, + - * fma sqrt and, in float64 only, a
// division. Every one of them is exactly rounded and contraction is off, so every device and instruction level gives
// the same bits. The polynomials are minimax fits: docs/numerics/normal_polynomials.py. Included by one source file for
// each level; everything is internal to it, and no std function is called that the linker could merge. The float32 part
// is written out for GPUs in metal/kernels/normals.h: no sum there or here may meet a product that is not an explicit
// fma.
#pragma once

#include "normals.hpp"
#include "philox.hpp"

namespace {

constexpr int kLanes = 64;  // paths worked on together; the compiler makes vectors of them
enum Stream : std::uint32_t { kNormal32 = 0, kNormal64 = 1u << 30, kChi32 = 2u << 30, kChi64 = 3u << 30 };

template <class To, class From>
[[gnu::always_inline]] inline To bits_of(From value) {
  static_assert(sizeof(To) == sizeof(From));
  To out;
  __builtin_memcpy(&out, &value, sizeof out);
  return out;
}

// ---- float32: 32 bits for the radius, 24 for the angle.

// (x + 1/2) / 2^32, in (0, 1].
[[gnu::always_inline]] inline float unit32(std::uint32_t x) {
  const float high = static_cast<float>(static_cast<std::int32_t>(x >> 8));
  const float low = static_cast<float>(static_cast<std::int32_t>(x & 0xFFu)) + 0.5f;
  return __builtin_fmaf(low, 0x1p-32f, high * 0x1p-24f);
}

// log of u in [2^-33, 1].
[[gnu::always_inline]] inline float log32(float u) {
  const auto bits = bits_of<std::int32_t>(u);
  const std::int32_t e = (bits - 0x3F3504F3) >> 23;  // u = 2^e m, m in [sqrt(1/2), sqrt(2))
  const float f = bits_of<float>(bits - e * (1 << 23)) - 1.0f;
  const float k = static_cast<float>(e);
  float q = -0.080646812915802f;
  q = __builtin_fmaf(q, f, 0.12917880713939667f);
  q = __builtin_fmaf(q, f, -0.13072548806667328f);
  q = __builtin_fmaf(q, f, 0.1417345404624939f);
  q = __builtin_fmaf(q, f, -0.16628921031951904f);
  q = __builtin_fmaf(q, f, 0.2000269591808319f);
  q = __builtin_fmaf(q, f, -0.2500075101852417f);
  q = __builtin_fmaf(q, f, 0.3333331346511841f);
  q = __builtin_fmaf(q, f, -0.4999999701976776f);
  // log 2 in two parts, the first of few bits: k times it is exact.
  const float tail = __builtin_fmaf(k, -2.12194440e-4f, f * f * q);
  return __builtin_fmaf(k, 0.693359375f, f + tail);
}

// Sine and cosine of 2 pi (x's upper 24 bits + 1/2) / 2^24.
[[gnu::always_inline]] inline void sincos32(std::uint32_t x, float& sine, float& cosine) {
  const std::uint32_t y = x >> 8;
  const std::uint32_t quarter = (y + (1u << 21)) >> 22;
  const float t = (static_cast<float>(static_cast<std::int32_t>(y - (quarter << 22))) + 0.5f) * 0x1p-24f;
  const float z = t * t;
  float s = 41.47294998168945f;
  s = __builtin_fmaf(s, z, -76.69786834716797f);
  s = __builtin_fmaf(s, z, 81.6052017211914f);
  s = __builtin_fmaf(s, z, -41.34170150756836f);
  s = __builtin_fmaf(s, z, 6.2831854820251465f) * t;
  float c = 59.22040557861328f;
  c = __builtin_fmaf(c, z, -85.44285583496094f);
  c = __builtin_fmaf(c, z, 64.93931579589844f);
  c = __builtin_fmaf(c, z, -19.739208221435547f);
  c = __builtin_fmaf(c, z, 1.0f);
  const std::uint32_t odd = 0u - (quarter & 1u);
  const auto a = bits_of<std::uint32_t>(s), b = bits_of<std::uint32_t>(c);
  sine = bits_of<float>(((a & ~odd) | (b & odd)) ^ ((quarter & 2u) << 30));
  cosine = bits_of<float>(((b & ~odd) | (a & odd)) ^ (((quarter + 1u) & 2u) << 30));
}

[[gnu::always_inline]] inline void box_muller32(std::uint32_t radius, std::uint32_t angle, float& first,
                                                float& second) {
  const float r = __builtin_sqrtf(-2.0f * log32(unit32(radius)));
  float s, c;
  sincos32(angle, s, c);
  first = r * c;
  second = r * s;
}

// exp(x) - 1 = 2^k (exp(r) - 1) + 2^k - 1 with r = x - k log 2. Half of 2^k is used, which exists for every k.
[[gnu::always_inline]] inline float expm1_32(float x) {
  x = x < 89.0f ? x : 89.0f;    // infinite from here on
  x = x > -25.0f ? x : -25.0f;  // -1 from here on
  const float k = __builtin_fmaf(x, 1.44269504f, 0x1.8p23f) - 0x1.8p23f;
  const float r = __builtin_fmaf(k, 2.12194440e-4f, __builtin_fmaf(k, -0.693359375f, x));
  float q = 0.00019907574460376054f;
  q = __builtin_fmaf(q, r, 0.0013933642767369747f);
  q = __builtin_fmaf(q, r, 0.00833328627049923f);
  q = __builtin_fmaf(q, r, 0.04166646674275398f);
  q = __builtin_fmaf(q, r, 0.1666666716337204f);
  q = __builtin_fmaf(q, r, 0.5f);
  const float half = bits_of<float>((static_cast<std::int32_t>(k) + 126) * (1 << 23));
  return 2.0f * __builtin_fmaf(half, __builtin_fmaf(r * r, q, r), half - 0.5f);
}

// ---- float64: 53 bits each.

// (53 bits + 1/2) / 2^53, in (0, 1].
[[gnu::always_inline]] inline double unit64(std::uint32_t high, std::uint32_t low) {
  const double top = static_cast<double>(static_cast<std::int32_t>(high ^ 0x80000000u)) + 0x1p31;
  const double rest = static_cast<double>(static_cast<std::int32_t>(low >> 11)) + 0.5;
  return __builtin_fma(rest, 0x1p-53, top * 0x1p-32);
}

// log of u in [2^-54, 1]: log m = 2 artanh(s) = 2s + s^3 P(s^2), s = f / (2 + f), written so that f leads.
[[gnu::always_inline]] inline double log64(double u) {
  const auto bits = bits_of<std::int64_t>(u);
  const auto e = static_cast<std::int32_t>((static_cast<std::uint64_t>(bits) >> 32) - 0x3FE6A09Eu) >> 20;
  const double f = bits_of<double>(bits - (static_cast<std::int64_t>(e) << 52)) - 1.0;
  const double k = static_cast<double>(e);
  const double s = f / (2.0 + f), z = s * s;
  double p = 0.13087807915317876;
  p = __builtin_fma(p, z, 0.1326865144000964);
  p = __builtin_fma(p, z, 0.15386244625882073);
  p = __builtin_fma(p, z, 0.18181795541390908);
  p = __builtin_fma(p, z, 0.22222222392730404);
  p = __builtin_fma(p, z, 0.2857142857079863);
  p = __builtin_fma(p, z, 0.40000000000000885);
  p = __builtin_fma(p, z, 0.6666666666666666);
  const double tail = s * (f - z * p);
  return __builtin_fma(k, 0x1.62e42feep-1, f - __builtin_fma(k, -0x1.a39ef35793c76p-33, tail));
}

// Sine and cosine of 2 pi (53 bits + 1/2) / 2^53.
[[gnu::always_inline]] inline void sincos64(std::uint32_t high, std::uint32_t low, double& sine, double& cosine) {
  const std::uint32_t quarter = (high + (1u << 29)) >> 30;
  const double rest = static_cast<double>(static_cast<std::int32_t>(low >> 11)) + 0.5;
  const double t =
      __builtin_fma(rest, 0x1p-53, static_cast<double>(static_cast<std::int32_t>(high - (quarter << 30))) * 0x1p-32);
  const double z = t * t;
  double s = -0.7116361735661682;
  s = __builtin_fma(s, z, 3.819788140096672);
  s = __builtin_fma(s, z, -15.094640404319817);
  s = __builtin_fma(s, z, 42.05869392899335);
  s = __builtin_fma(s, z, -76.70585975299815);
  s = __builtin_fma(s, z, 81.60524927607493);
  s = __builtin_fma(s, z, -41.34170224039976);
  s = __builtin_fma(s, z, 6.283185307179586) * t;
  double c = -1.6968505716309112;
  c = __builtin_fma(c, z, 7.903091747982923);
  c = __builtin_fma(c, z, -26.42625090991621);
  c = __builtin_fma(c, z, 60.24464132888108);
  c = __builtin_fma(c, z, -85.45681720652279);
  c = __builtin_fma(c, z, 64.93939402266795);
  c = __builtin_fma(c, z, -19.739208802178716);
  c = __builtin_fma(c, z, 1.0);
  const std::uint64_t odd = std::uint64_t{0} - (quarter & 1u);
  const auto a = bits_of<std::uint64_t>(s), b = bits_of<std::uint64_t>(c);
  sine = bits_of<double>(((a & ~odd) | (b & odd)) ^ (std::uint64_t{quarter & 2u} << 62));
  cosine = bits_of<double>(((b & ~odd) | (a & odd)) ^ (std::uint64_t{(quarter + 1u) & 2u} << 62));
}

[[gnu::always_inline]] inline void box_muller64(const PhiloxBlock& x, double& first, double& second) {
  const double r = __builtin_sqrt(-2.0 * log64(unit64(x.x0, x.x1)));
  double s, c;
  sincos64(x.x2, x.x3, s, c);
  first = r * c;
  second = r * s;
}

// ---- Loops. Each strip of paths goes through small local arrays, which become vector registers.

struct Strip {
  std::uint32_t low, high, step, k0, k1;  // of its first path

  Strip(const portfolio::DrawRange& range, std::size_t offset) {
    const std::uint64_t path = range.first_path + offset;
    low = static_cast<std::uint32_t>(path);
    high = static_cast<std::uint32_t>(path >> 32);
    step = range.step;
    k0 = static_cast<std::uint32_t>(range.seed);
    k1 = static_cast<std::uint32_t>(range.seed >> 32);
  }
  [[gnu::always_inline]] PhiloxBlock draw(std::uint32_t lane, std::uint32_t block) const {
    const std::uint32_t path = low + lane;
    return philox({path, high + (path < low ? 1u : 0u), step, block}, k0, k1);
  }
};

template <class T, int Width>
[[gnu::always_inline]] inline void copy_rows(const T (&z)[Width][kLanes], const portfolio::DrawRange& range,
                                             std::size_t offset, std::size_t first, std::size_t count, T* out) {
  const std::size_t lanes = range.paths - offset < kLanes ? range.paths - offset : kLanes;
  for (std::size_t row = 0; row < Width && first + row < count; ++row) {
    __builtin_memcpy(out + (first + row) * range.paths + offset, z[row], lanes * sizeof(T));
  }
}

void normals32(const portfolio::DrawRange& range, std::size_t count, float* out) {
  for (std::size_t offset = 0; offset < range.paths; offset += kLanes) {
    const Strip strip(range, offset);
    for (std::size_t k = 0; k < count; k += 4) {
      float z[4][kLanes];
      const auto block = static_cast<std::uint32_t>(k / 4) | kNormal32;
      for (int i = 0; i < kLanes; ++i) {
        const PhiloxBlock x = strip.draw(static_cast<std::uint32_t>(i), block);
        box_muller32(x.x0, x.x1, z[0][i], z[1][i]);
        box_muller32(x.x2, x.x3, z[2][i], z[3][i]);
      }
      copy_rows<float, 4>(z, range, offset, k, count, out);
    }
  }
}

void normals64(const portfolio::DrawRange& range, std::size_t count, double* out) {
  for (std::size_t offset = 0; offset < range.paths; offset += kLanes) {
    const Strip strip(range, offset);
    for (std::size_t k = 0; k < count; k += 2) {
      double z[2][kLanes];
      const auto block = static_cast<std::uint32_t>(k / 2) | kNormal64;
      for (int i = 0; i < kLanes; ++i) {
        box_muller64(strip.draw(static_cast<std::uint32_t>(i), block), z[0][i], z[1][i]);
      }
      copy_rows<double, 2>(z, range, offset, k, count, out);
    }
  }
}

// Chi-squared: -2 log u has two degrees of freedom, the square of a normal one.
void chi_squared32(const portfolio::DrawRange& range, int degrees, float* out) {
  for (std::size_t offset = 0; offset < range.paths; offset += kLanes) {
    const Strip strip(range, offset);
    float sum[1][kLanes] = {};
    for (int pair = 0; 2 * pair < degrees; ++pair) {
      const bool single = 2 * pair + 1 == degrees;
      for (int i = 0; i < kLanes; ++i) {
        const PhiloxBlock x = strip.draw(static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(pair) | kChi32);
        float first, second;
        box_muller32(x.x0, x.x1, first, second);
        const float both = __builtin_fmaf(-2.0f, log32(unit32(x.x2)), sum[0][i]);
        sum[0][i] = single ? __builtin_fmaf(first, first, sum[0][i]) : both;
      }
    }
    copy_rows<float, 1>(sum, range, offset, 0, 1, out);
  }
}

void chi_squared64(const portfolio::DrawRange& range, int degrees, double* out) {
  for (std::size_t offset = 0; offset < range.paths; offset += kLanes) {
    const Strip strip(range, offset);
    double sum[1][kLanes] = {};
    for (int pair = 0; 2 * pair < degrees; ++pair) {
      const bool single = 2 * pair + 1 == degrees;
      for (int i = 0; i < kLanes; ++i) {
        const PhiloxBlock x = strip.draw(static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(pair) | kChi64);
        double first, second;
        box_muller64(x, first, second);
        const double both = -2.0 * log64(unit64(x.x0, x.x1));
        sum[0][i] += single ? first * first : both;
      }
    }
    copy_rows<double, 1>(sum, range, offset, 0, 1, out);
  }
}

void expm1s32(std::size_t count, float* values) {
  for (std::size_t k = 0; k < count; ++k) values[k] = expm1_32(values[k]);
}

}  // namespace
