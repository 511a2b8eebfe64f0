// The loops of active_set_loops.hpp for one instruction level. Sums may round differently from level to level.
#include "active_set_loops.hpp"

namespace portfolio::PORTFOLIO_LEVEL {
namespace {

// Four rows a pass, so that y is read a quarter as often.
void accumulate(int length, int count, const double* base, std::size_t stride, const int* index, const double* c,
                double* __restrict y) {
  const auto row = [=](int f) { return base + static_cast<std::size_t>(index ? index[f] : f) * stride; };
  int f = 0;
  for (; f + 4 <= count; f += 4) {
    const double* __restrict p = row(f), * __restrict q = row(f + 1), * __restrict r = row(f + 2), * __restrict s = row(f + 3);
    const double a = c[f], b = c[f + 1], d = c[f + 2], e = c[f + 3];
    for (int i = 0; i < length; ++i) y[i] += (a * p[i] + b * q[i]) + (d * r[i] + e * s[i]);
  }
  for (; f < count; ++f) {
    const double* __restrict p = row(f);
    for (int i = 0; i < length; ++i) y[i] += c[f] * p[i];
  }
}

// Eight partial sums, which the compiler makes vectors of.
double dot(int n, const double* __restrict a, const double* __restrict b) {
  double part[8] = {};
  int i = 0;
  for (; i + 8 <= n; i += 8) {
    for (int k = 0; k < 8; ++k) part[k] += a[i + k] * b[i + k];
  }
  for (; i < n; ++i) part[0] += a[i] * b[i];
  return ((part[0] + part[4]) + (part[1] + part[5])) + ((part[2] + part[6]) + (part[3] + part[7]));
}

void dots(int count, int n, const double* base, std::size_t stride, const double* v, double* out) {
  for (int i = 0; i < count; ++i) out[i] += dot(n, base + static_cast<std::size_t>(i) * stride, v);
}

void add_outer(int n, double a, const double* __restrict w, double* M, std::size_t stride) {
  for (int i = 0; i < n; ++i) {
    double* __restrict row = M + static_cast<std::size_t>(i) * stride;
    const double c = a * w[i];
    for (int j = 0; j < n; ++j) row[j] += c * w[j];
  }
}

void add_outers(int n, double aa, double ab, double bb, const double* __restrict u, const double* __restrict v,
                double* M, std::size_t stride) {
  for (int i = 0; i < n; ++i) {
    double* __restrict row = M + static_cast<std::size_t>(i) * stride;
    const double c = aa * u[i] + ab * v[i], d = ab * u[i] + bb * v[i];
    for (int j = 0; j < n; ++j) row[j] += c * u[j] + d * v[j];
  }
}

}  // namespace

const active::Loops active_set_loops{&accumulate, &dot, &dots, &add_outer, &add_outers};

}  // namespace portfolio::PORTFOLIO_LEVEL
