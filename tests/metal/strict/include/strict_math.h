// Overloads for each type, as in Metal: a call whose arguments differ in type is ambiguous there, and so it is here.
#pragma once
namespace metal {
#define STRICT_UNARY(name) \
  float name(float);       \
  half name(half);         \
  float2 name(float2);     \
  float4 name(float4);
#define STRICT_BINARY(name)    \
  float name(float, float);    \
  half name(half, half);       \
  float2 name(float2, float2); \
  float4 name(float4, float4);
#define STRICT_TRANSCENDENTALS \
  STRICT_UNARY(exp)            \
  STRICT_UNARY(exp2)           \
  STRICT_UNARY(log)            \
  STRICT_UNARY(log2)           \
  STRICT_UNARY(sqrt)           \
  STRICT_UNARY(rsqrt)          \
  STRICT_UNARY(sin)            \
  STRICT_UNARY(cos)            \
  STRICT_UNARY(tanh)           \
  STRICT_BINARY(pow)
namespace precise {
STRICT_TRANSCENDENTALS
}
namespace fast {
STRICT_TRANSCENDENTALS
}
STRICT_TRANSCENDENTALS
STRICT_UNARY(fabs)
STRICT_UNARY(floor)
STRICT_UNARY(ceil)
STRICT_UNARY(rint)
STRICT_UNARY(round)
STRICT_UNARY(trunc)
STRICT_UNARY(sign)
STRICT_BINARY(fmin)
STRICT_BINARY(fmax)
STRICT_BINARY(copysign)
#undef STRICT_UNARY
#undef STRICT_BINARY
#undef STRICT_TRANSCENDENTALS

float fma(float, float, float);
half fma(half, half, half);
float2 fma(float2, float2, float2);
float4 fma(float4, float4, float4);
float ldexp(float, int);
float dot(float2, float2);
float dot(float3, float3);
float dot(float4, float4);
bool isnan(float);
bool isinf(float);
bool isfinite(float);
bool signbit(float);

#define STRICT_ORDERED(T) \
  T min(T, T);            \
  T max(T, T);            \
  T clamp(T, T, T);       \
  T select(T, T, bool);
STRICT_ORDERED(float)
STRICT_ORDERED(half)
STRICT_ORDERED(int)
STRICT_ORDERED(uint)
STRICT_ORDERED(short)
STRICT_ORDERED(ushort)
STRICT_ORDERED(long)
STRICT_ORDERED(ulong)
STRICT_ORDERED(float2)
STRICT_ORDERED(float4)
STRICT_ORDERED(uint2)
STRICT_ORDERED(uint4)
#undef STRICT_ORDERED
float mix(float, float, float);
float4 mix(float4, float4, float4);

float abs(float);
int abs(int);
long abs(long);
int mulhi(int, int);
uint mulhi(uint, uint);
uint4 mulhi(uint4, uint4);
uint popcount(uint);
uint clz(uint);
uint ctz(uint);
uint rotate(uint, uint);

// Bits of one type as another of the same size.
template <class T, class U>
T as_type(U bits) {
  static_assert(sizeof(T) == sizeof(U), "as_type between types of different size");
  return __builtin_bit_cast(T, bits);
}

template <class T>
struct numeric_limits;
template <>
struct numeric_limits<float> {
  static constexpr float max() { return 3.402823466e+38f; }
  static constexpr float lowest() { return -3.402823466e+38f; }
  static constexpr float min() { return 1.175494351e-38f; }
  static constexpr float epsilon() { return 1.192092896e-07f; }
  static constexpr float infinity() { return __builtin_inff(); }
  static constexpr float quiet_NaN() { return __builtin_nanf(""); }
};
template <>
struct numeric_limits<uint> {
  static constexpr uint max() { return 0xFFFFFFFFu; }
  static constexpr uint min() { return 0u; }
};
template <>
struct numeric_limits<int> {
  static constexpr int max() { return 0x7FFFFFFF; }
  static constexpr int min() { return -0x7FFFFFFF - 1; }
};
}  // namespace metal

#define INFINITY __builtin_inff()
#define NAN __builtin_nanf("")
#define FLT_MAX 3.402823466e+38f
#define FLT_MIN 1.175494351e-38f
#define FLT_EPSILON 1.192092896e-07f
#define UINT_MAX 0xFFFFFFFFu
#define INT_MAX 0x7FFFFFFF
#define M_PI_F 3.14159274f
#define METAL_FUNC inline
