// The three loops that the simplex method spends its time in.
#pragma once

#include <cstddef>

namespace portfolio::cvar {

// out += factor * values
inline void add(std::size_t count, double factor, const double* values, double* out) {
  for (std::size_t i = 0; i < count; ++i) out[i] += factor * values[i];
}

// out += sum of factor * values, four at a time: one pass over `out`.
inline void add4(std::size_t count, const double* factors, const double* const* values, double* out) {
  const double a = factors[0], b = factors[1], c = factors[2], d = factors[3];
  const double *p = values[0], *q = values[1], *r = values[2], *s = values[3];
  for (std::size_t i = 0; i < count; ++i) out[i] += (a * p[i] + b * q[i]) + (c * r[i] + d * s[i]);
}

inline double dot(std::size_t count, const double* a, const double* b) {
  double sum[4] = {0.0, 0.0, 0.0, 0.0};
  std::size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    for (std::size_t l = 0; l < 4; ++l) sum[l] += a[i + l] * b[i + l];
  }
  for (; i < count; ++i) sum[0] += a[i] * b[i];
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

}  // namespace portfolio::cvar
