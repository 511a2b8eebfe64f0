// Vectors of one instruction level, as many lanes as its registers hold, with the operators of the language; scalars
// take the same functions. Everything is internal: this is compiled once for each level (simd_level.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#define PORTFOLIO_INLINE [[gnu::always_inline, maybe_unused]] inline

namespace {

#if defined(__AVX512F__)
constexpr std::size_t kRegister = 64;  // bytes
#elif defined(__AVX2__)
constexpr std::size_t kRegister = 32;
#else
constexpr std::size_t kRegister = 16;
#endif

using F32 = float __attribute__((vector_size(kRegister)));
using I32 = std::int32_t __attribute__((vector_size(kRegister)));
using U32 = std::uint32_t __attribute__((vector_size(kRegister)));
using F64 = double __attribute__((vector_size(kRegister)));
using I64 = std::int64_t __attribute__((vector_size(kRegister)));
using U64 = std::uint64_t __attribute__((vector_size(kRegister)));

// A vector of floats (or one float), its scalar and the integers of its width.
template <class V>
struct Lanes;
template <>
struct Lanes<float> {
  using Scalar = float;
  using Signed = std::int32_t;
  using Unsigned = std::uint32_t;
};
template <>
struct Lanes<double> {
  using Scalar = double;
  using Signed = std::int64_t;
  using Unsigned = std::uint64_t;
};
template <>
struct Lanes<F32> {
  using Scalar = float;
  using Signed = I32;
  using Unsigned = U32;
};
template <>
struct Lanes<F64> {
  using Scalar = double;
  using Signed = I64;
  using Unsigned = U64;
};
template <class V>
using Signed = typename Lanes<V>::Signed;
template <class V>
using Unsigned = typename Lanes<V>::Unsigned;

template <class T>
struct VectorOf;
template <>
struct VectorOf<float> {
  using Type = F32;
};
template <>
struct VectorOf<double> {
  using Type = F64;
};

template <class To, class From>
PORTFOLIO_INLINE To bits_of(From value) {
  static_assert(sizeof(To) == sizeof(From));
  To out;
  __builtin_memcpy(&out, &value, sizeof out);
  return out;
}

template <class V>
PORTFOLIO_INLINE V load(const void* from) {
  V out;
  __builtin_memcpy(&out, from, sizeof out);
  return out;
}

template <class V>
PORTFOLIO_INLINE void store(void* to, V value) {
  __builtin_memcpy(to, &value, sizeof value);
}

// The same number in every lane.
template <class V>
PORTFOLIO_INLINE V all(typename Lanes<V>::Scalar value) {
  return value - V{};  // not a sum: -0 must stay
}

// a b + c rounded once.
PORTFOLIO_INLINE float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
PORTFOLIO_INLINE double fma(double a, double b, double c) { return __builtin_fma(a, b, c); }
PORTFOLIO_INLINE float root(float x) { return __builtin_sqrtf(x); }
PORTFOLIO_INLINE double root(double x) { return __builtin_sqrt(x); }
PORTFOLIO_INLINE float to_float(std::int32_t x) { return static_cast<float>(x); }
PORTFOLIO_INLINE std::int32_t to_int(float x) { return static_cast<std::int32_t>(x); }
PORTFOLIO_INLINE I32 to_int(F32 x) { return __builtin_convertvector(x, I32); }
PORTFOLIO_INLINE F32 to_float(I32 x) { return __builtin_convertvector(x, F32); }

#if defined(__AVX512F__)
PORTFOLIO_INLINE F32 fma(F32 a, F32 b, F32 c) {
  return bits_of<F32>(_mm512_fmadd_ps(bits_of<__m512>(a), bits_of<__m512>(b), bits_of<__m512>(c)));
}
PORTFOLIO_INLINE F64 fma(F64 a, F64 b, F64 c) {
  return bits_of<F64>(_mm512_fmadd_pd(bits_of<__m512d>(a), bits_of<__m512d>(b), bits_of<__m512d>(c)));
}
#elif defined(__AVX2__)
PORTFOLIO_INLINE F32 fma(F32 a, F32 b, F32 c) {
  return bits_of<F32>(_mm256_fmadd_ps(bits_of<__m256>(a), bits_of<__m256>(b), bits_of<__m256>(c)));
}
PORTFOLIO_INLINE F64 fma(F64 a, F64 b, F64 c) {
  return bits_of<F64>(_mm256_fmadd_pd(bits_of<__m256d>(a), bits_of<__m256d>(b), bits_of<__m256d>(c)));
}
#elif defined(__aarch64__)
PORTFOLIO_INLINE F32 fma(F32 a, F32 b, F32 c) {
  return bits_of<F32>(vfmaq_f32(bits_of<float32x4_t>(c), bits_of<float32x4_t>(a), bits_of<float32x4_t>(b)));
}
PORTFOLIO_INLINE F64 fma(F64 a, F64 b, F64 c) {
  return bits_of<F64>(vfmaq_f64(bits_of<float64x2_t>(c), bits_of<float64x2_t>(a), bits_of<float64x2_t>(b)));
}
#else
PORTFOLIO_INLINE F32 fma(F32 a, F32 b, F32 c) {
  for (std::size_t k = 0; k < sizeof(F32) / sizeof(float); ++k) a[k] = __builtin_fmaf(a[k], b[k], c[k]);
  return a;
}
PORTFOLIO_INLINE F64 fma(F64 a, F64 b, F64 c) {
  for (std::size_t k = 0; k < sizeof(F64) / sizeof(double); ++k) a[k] = __builtin_fma(a[k], b[k], c[k]);
  return a;
}
#endif

#if defined(__AVX512F__)
PORTFOLIO_INLINE F32 root(F32 x) { return bits_of<F32>(_mm512_sqrt_ps(bits_of<__m512>(x))); }
PORTFOLIO_INLINE F64 root(F64 x) { return bits_of<F64>(_mm512_sqrt_pd(bits_of<__m512d>(x))); }
#elif defined(__AVX2__)
PORTFOLIO_INLINE F32 root(F32 x) { return bits_of<F32>(_mm256_sqrt_ps(bits_of<__m256>(x))); }
PORTFOLIO_INLINE F64 root(F64 x) { return bits_of<F64>(_mm256_sqrt_pd(bits_of<__m256d>(x))); }
#elif defined(__x86_64__)
PORTFOLIO_INLINE F32 root(F32 x) { return bits_of<F32>(_mm_sqrt_ps(bits_of<__m128>(x))); }
PORTFOLIO_INLINE F64 root(F64 x) { return bits_of<F64>(_mm_sqrt_pd(bits_of<__m128d>(x))); }
#elif defined(__aarch64__)
PORTFOLIO_INLINE F32 root(F32 x) { return bits_of<F32>(vsqrtq_f32(bits_of<float32x4_t>(x))); }
PORTFOLIO_INLINE F64 root(F64 x) { return bits_of<F64>(vsqrtq_f64(bits_of<float64x2_t>(x))); }
#else
PORTFOLIO_INLINE F32 root(F32 x) {
  for (std::size_t k = 0; k < sizeof(F32) / sizeof(float); ++k) x[k] = __builtin_sqrtf(x[k]);
  return x;
}
PORTFOLIO_INLINE F64 root(F64 x) {
  for (std::size_t k = 0; k < sizeof(F64) / sizeof(double); ++k) x[k] = __builtin_sqrt(x[k]);
  return x;
}
#endif

// Products of the lower halves of 64-bit lanes; the upper halves may hold anything.
#if defined(__AVX512F__)
PORTFOLIO_INLINE U64 multiply_low(U64 a, U64 b) {
  return bits_of<U64>(_mm512_mul_epu32(bits_of<__m512i>(a), bits_of<__m512i>(b)));
}
#elif defined(__AVX2__)
PORTFOLIO_INLINE U64 multiply_low(U64 a, U64 b) {
  return bits_of<U64>(_mm256_mul_epu32(bits_of<__m256i>(a), bits_of<__m256i>(b)));
}
#elif defined(__x86_64__)
PORTFOLIO_INLINE U64 multiply_low(U64 a, U64 b) {
  return bits_of<U64>(_mm_mul_epu32(bits_of<__m128i>(a), bits_of<__m128i>(b)));
}
#elif defined(__aarch64__)
PORTFOLIO_INLINE U64 multiply_low(U64 a, U64 b) {
  return bits_of<U64>(vmull_u32(vmovn_u64(bits_of<uint64x2_t>(a)), vmovn_u64(bits_of<uint64x2_t>(b))));
}
#else
PORTFOLIO_INLINE U64 multiply_low(U64 a, U64 b) { return (a & 0xFFFFFFFFu) * (b & 0xFFFFFFFFu); }
#endif

// Paths 4 j, 4 j + 1 in lanes 2 j, 2 j + 1 of `a` and paths 4 j + 2, 4 j + 3 in those of `b`: the lower halves in
// order.
#if defined(__AVX512F__)
PORTFOLIO_INLINE U32 merge_low(U64 a, U64 b) {
  return bits_of<U32>(_mm512_shuffle_ps(bits_of<__m512>(a), bits_of<__m512>(b), 0x88));
}
#elif defined(__AVX2__)
PORTFOLIO_INLINE U32 merge_low(U64 a, U64 b) {
  return bits_of<U32>(_mm256_shuffle_ps(bits_of<__m256>(a), bits_of<__m256>(b), 0x88));
}
#elif defined(__x86_64__)
PORTFOLIO_INLINE U32 merge_low(U64 a, U64 b) {
  return bits_of<U32>(_mm_shuffle_ps(bits_of<__m128>(a), bits_of<__m128>(b), 0x88));
}
#elif defined(__aarch64__)
PORTFOLIO_INLINE U32 merge_low(U64 a, U64 b) {
  return bits_of<U32>(vuzp1q_u32(bits_of<uint32x4_t>(a), bits_of<uint32x4_t>(b)));
}
#else
PORTFOLIO_INLINE U32 merge_low(U64 a, U64 b) {
  const U32 x = bits_of<U32>(a), y = bits_of<U32>(b);
  return U32{x[0], x[2], y[0], y[2]};
}
#endif

// `yes` where the upper bit of `choice` is set, else `no`.
PORTFOLIO_INLINE std::uint32_t pick(std::uint32_t choice, std::uint32_t yes, std::uint32_t no) {
  return choice >> 31 ? yes : no;
}
PORTFOLIO_INLINE std::uint64_t pick(std::uint64_t choice, std::uint64_t yes, std::uint64_t no) {
  return choice >> 63 ? yes : no;
}
#if defined(__AVX2__) && !defined(__AVX512F__)
PORTFOLIO_INLINE U32 pick(U32 choice, U32 yes, U32 no) {
  return bits_of<U32>(_mm256_blendv_ps(bits_of<__m256>(no), bits_of<__m256>(yes), bits_of<__m256>(choice)));
}
PORTFOLIO_INLINE U64 pick(U64 choice, U64 yes, U64 no) {
  return bits_of<U64>(_mm256_blendv_pd(bits_of<__m256d>(no), bits_of<__m256d>(yes), bits_of<__m256d>(choice)));
}
#else
PORTFOLIO_INLINE U32 pick(U32 choice, U32 yes, U32 no) { return bits_of<I32>(choice) < 0 ? yes : no; }
PORTFOLIO_INLINE U64 pick(U64 choice, U64 yes, U64 no) { return bits_of<I64>(choice) < 0 ? yes : no; }
#endif

}  // namespace
