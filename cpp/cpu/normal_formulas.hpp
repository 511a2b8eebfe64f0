// Box-Muller (1958) with our own logarithm, sine and cosine: integer operations, + - * fma sqrt and, in float64 only, a
// division. Every one of them is exactly rounded and contraction is off, so every device and instruction level gives
// the same bits. The polynomials are minimax fits: docs/numerics/normal_polynomials.py. V is a float or a vector of
// them. The float32 part is written out for GPUs in metal/kernels/normals.h, in other steps of the same roundings: no
// rounded sum there or here may meet a product that is not an explicit fma.
#pragma once

#include "lanes.hpp"

namespace {

// ---- float32: 32 bits for the radius, 24 for the angle.

// (x + 1/2) / 2^32 rounded once, in (0, 1].
template <class V>
PORTFOLIO_INLINE V unit32(Unsigned<V> x) {
  const V high = to_float(bits_of<Signed<V>>(x >> 8));
  const V low = bits_of<V>((x & 0xFFu) | 0x3B000000u) - (0x1p-9f - 0x1p-33f);  // (x's lower 8 bits + 1/2) / 2^32
  return fma(high, all<V>(0x1p-24f), low);
}

// -2 log u for u in [2^-33, 1]; twice the polynomials of the logarithm, which is exact.
template <class V>
PORTFOLIO_INLINE V minus_twice_log32(V u) {
  const auto bits = bits_of<Unsigned<V>>(u);
  const auto above = bits - 0x3F3504F3u;  // u = 2^e m, m in [sqrt(1/2), sqrt(2)), e in its upper 9 bits
  const V k = to_float(bits_of<Signed<V>>(above) >> 23);
  const V f = bits_of<V>(bits - (above & 0xFF800000u)) - 1.0f;
  V q = fma(all<V>(2 * 0.080646812915802f), f, all<V>(-2 * 0.12917880713939667f));
  q = fma(q, f, all<V>(2 * 0.13072548806667328f));
  q = fma(q, f, all<V>(-2 * 0.1417345404624939f));
  q = fma(q, f, all<V>(2 * 0.16628921031951904f));
  q = fma(q, f, all<V>(-2 * 0.2000269591808319f));
  q = fma(q, f, all<V>(2 * 0.2500075101852417f));
  q = fma(q, f, all<V>(-2 * 0.3333331346511841f));
  q = fma(q, f, all<V>(2 * 0.4999999701976776f));
  // log 2 in two parts, the first of few bits: k times it is exact.
  const V tail = fma(k, all<V>(2 * 2.12194440e-4f), f * f * q);
  return fma(k, all<V>(-2 * 0.693359375f), fma(f, all<V>(-2.0f), tail));
}

// Sine and cosine of 2 pi (x's upper 24 bits + 1/2) / 2^24.
template <class V>
PORTFOLIO_INLINE void sincos32(Unsigned<V> x, V& sine, V& cosine) {
  const auto h = x + (1u << 29);  // its upper two bits are the quarter, the rest is the angle in it plus an eighth
  const V t = bits_of<V>(((h >> 7) & 0x7FFFFEu) | 0x3E800000u) - (0.375f - 0x1p-25f);
  const V z = t * t;
  V s = fma(all<V>(41.47294998168945f), z, all<V>(-76.69786834716797f));
  s = fma(s, z, all<V>(81.6052017211914f));
  s = fma(s, z, all<V>(-41.34170150756836f));
  s = fma(s, z, all<V>(6.2831854820251465f)) * t;
  V c = fma(all<V>(59.22040557861328f), z, all<V>(-85.44285583496094f));
  c = fma(c, z, all<V>(64.93931579589844f));
  c = fma(c, z, all<V>(-19.739208221435547f));
  c = fma(c, z, all<V>(1.0f));
  const auto a = bits_of<Unsigned<V>>(s), b = bits_of<Unsigned<V>>(c), odd = h << 1;
  sine = bits_of<V>(pick(odd, b, a) ^ (h & 0x80000000u));
  cosine = bits_of<V>(pick(odd, a, b) ^ ((h ^ odd) & 0x80000000u));
}

template <class V>
PORTFOLIO_INLINE void box_muller32(Unsigned<V> radius, Unsigned<V> angle, V& first, V& second) {
  const V r = root(minus_twice_log32(unit32<V>(radius)));
  V s, c;
  sincos32(angle, s, c);
  first = r * c;
  second = r * s;
}

// exp(x) - 1 = 2^k (exp(r) - 1) + 2^k - 1 with r = x - k log 2. Half of 2^k is used, which exists for every k.
template <class V>
PORTFOLIO_INLINE V expm1_32(V x) {
  x = x < 89.0f ? x : all<V>(89.0f);    // infinite from here on
  x = x > -25.0f ? x : all<V>(-25.0f);  // -1 from here on
  const V k = fma(x, all<V>(1.44269504f), all<V>(0x1.8p23f)) - 0x1.8p23f;
  const V r = fma(k, all<V>(2.12194440e-4f), fma(k, all<V>(-0.693359375f), x));
  V q = fma(all<V>(0.00019907574460376054f), r, all<V>(0.0013933642767369747f));
  q = fma(q, r, all<V>(0.00833328627049923f));
  q = fma(q, r, all<V>(0.04166646674275398f));
  q = fma(q, r, all<V>(0.1666666716337204f));
  q = fma(q, r, all<V>(0.5f));
  const V half = bits_of<V>((to_int(k) + 126) * (1 << 23));
  return 2.0f * fma(half, fma(r * r, q, r), half - 0.5f);
}

// ---- float64: 53 bits each. Words are the lower halves of 64-bit lanes; the upper halves may hold anything.

// Integers become floating as lower bits of a mantissa, without a conversion and exactly: (x's upper 21 bits + 1/2) /
// 2^53, and x / 2^32 - offset of an x below 2^32.
template <class V>
PORTFOLIO_INLINE V rest64(Unsigned<V> x) {
  return bits_of<V>(((x & 0xFFFFFFFFu) >> 11) | 0x3FE0000000000000u) - (0.5 - 0x1p-54);
}
template <class V>
PORTFOLIO_INLINE V lead64(Unsigned<V> x, double offset) {
  return bits_of<V>(x | 0x4130000000000000u) - (0x1p20 + offset);
}

// (53 bits + 1/2) / 2^53 rounded once, in (0, 1].
template <class V>
PORTFOLIO_INLINE V unit64(Unsigned<V> high, Unsigned<V> low) {
  return lead64<V>(high & 0xFFFFFFFFu, 0.0) + rest64<V>(low);
}

// log of u in [2^-54, 1]: log m = 2 artanh(s) = 2s + s^3 P(s^2), s = f / (2 + f), written so that f leads.
template <class V>
PORTFOLIO_INLINE V log64(V u) {
  const auto bits = bits_of<Unsigned<V>>(u);
  const auto above = bits - 0x3FE6A09E00000000u;
  const V k = bits_of<V>(((above >> 52) ^ 0x4330000000000800u)) - (0x1p52 + 2048.0);
  const V f = bits_of<V>(bits - (above & 0xFFF0000000000000u)) - 1.0;
  const V s = f / (2.0 + f), z = s * s;
  V p = fma(all<V>(0.13087807915317876), z, all<V>(0.1326865144000964));
  p = fma(p, z, all<V>(0.15386244625882073));
  p = fma(p, z, all<V>(0.18181795541390908));
  p = fma(p, z, all<V>(0.22222222392730404));
  p = fma(p, z, all<V>(0.2857142857079863));
  p = fma(p, z, all<V>(0.40000000000000885));
  p = fma(p, z, all<V>(0.6666666666666666));
  const V tail = s * (f - z * p);
  return fma(k, all<V>(0x1.62e42feep-1), f - fma(k, all<V>(-0x1.a39ef35793c76p-33), tail));
}

// Sine and cosine of 2 pi (53 bits + 1/2) / 2^53.
template <class V>
PORTFOLIO_INLINE void sincos64(Unsigned<V> high, Unsigned<V> low, V& sine, V& cosine) {
  const auto h = high + (1u << 29);
  const V t = lead64<V>(h & 0x3FFFFFFFu, 0.125) + rest64<V>(low);
  const V z = t * t;
  V s = fma(all<V>(-0.7116361735661682), z, all<V>(3.819788140096672));
  s = fma(s, z, all<V>(-15.094640404319817));
  s = fma(s, z, all<V>(42.05869392899335));
  s = fma(s, z, all<V>(-76.70585975299815));
  s = fma(s, z, all<V>(81.60524927607493));
  s = fma(s, z, all<V>(-41.34170224039976));
  s = fma(s, z, all<V>(6.283185307179586)) * t;
  V c = fma(all<V>(-1.6968505716309112), z, all<V>(7.903091747982923));
  c = fma(c, z, all<V>(-26.42625090991621));
  c = fma(c, z, all<V>(60.24464132888108));
  c = fma(c, z, all<V>(-85.45681720652279));
  c = fma(c, z, all<V>(64.93939402266795));
  c = fma(c, z, all<V>(-19.739208802178716));
  c = fma(c, z, all<V>(1.0));
  const auto a = bits_of<Unsigned<V>>(s), b = bits_of<Unsigned<V>>(c), odd = h << 33;
  sine = bits_of<V>(pick(odd, b, a) ^ ((h << 32) & 0x8000000000000000u));
  cosine = bits_of<V>(pick(odd, a, b) ^ (((h << 32) ^ odd) & 0x8000000000000000u));
}

template <class V>
PORTFOLIO_INLINE void box_muller64(Unsigned<V> x0, Unsigned<V> x1, Unsigned<V> x2, Unsigned<V> x3, V& first,
                                   V& second) {
  const V r = root(-2.0 * log64(unit64<V>(x0, x1)));
  V s, c;
  sincos64(x2, x3, s, c);
  first = r * c;
  second = r * s;
}

}  // namespace
