// The inner loops of the active set: plain and contiguous, so that the compiler vectorises them.
#pragma once

#include <cstddef>

namespace portfolio::active {

inline double dot(int n, const double* a, const double* b) {
  double part[4] = {0.0, 0.0, 0.0, 0.0};
  int i = 0;
  for (; i + 4 <= n; i += 4) {
    for (int k = 0; k < 4; ++k) part[k] += a[i + k] * b[i + k];
  }
  for (; i < n; ++i) part[0] += a[i] * b[i];
  return (part[0] + part[1]) + (part[2] + part[3]);
}

inline void axpy(int n, double a, const double* __restrict x, double* __restrict y) {
  for (int i = 0; i < n; ++i) y[i] += a * x[i];
}

// y += sum over f of c[f] * row(f); four rows a pass, so that y is read a quarter as often.
template <class Row>
void accumulate(int length, int count, const Row& row, const double* c, double* __restrict y) {
  int f = 0;
  for (; f + 4 <= count; f += 4) {
    const double* __restrict a = row(f);
    const double* __restrict b = row(f + 1);
    const double* __restrict d = row(f + 2);
    const double* __restrict e = row(f + 3);
    const double ca = c[f], cb = c[f + 1], cd = c[f + 2], ce = c[f + 3];
    for (int i = 0; i < length; ++i) y[i] += (ca * a[i] + cb * b[i]) + (cd * d[i] + ce * e[i]);
  }
  for (; f < count; ++f) axpy(length, c[f], row(f), y);
}

}  // namespace portfolio::active
