// Householder's reduction to tridiagonal form and the implicit QL iteration with Wilkinson's shift (Dubrulle, Martin
// and Wilkinson 1968, "The implicit QL algorithm", Numerische Mathematik 12). Columns start at multiples of the
// vector's width and end in zeros, so that no loop has a rest.
#include "eigh_ql.hpp"

namespace {

#ifdef __AVX2__
constexpr std::size_t kWide = 4;
#else
constexpr std::size_t kWide = 2;
#endif
typedef double Wide __attribute__((vector_size(8 * kWide), aligned(8), may_alias));

constexpr int kSweeps = 60;  // for one eigenvalue; two are usual
constexpr double kEpsilon = 0x1p-52;

[[gnu::always_inline]] inline Wide& wide(double* p) { return *reinterpret_cast<Wide*>(p); }
[[gnu::always_inline]] inline const Wide& wide(const double* p) { return *reinterpret_cast<const Wide*>(p); }

[[gnu::always_inline]] inline double total(const Wide& lanes) {
  double sum = lanes[0];
  for (std::size_t l = 1; l < kWide; ++l) sum += lanes[l];
  return sum;
}

// Over the places from `from` to `to`.
[[gnu::always_inline]] inline double dot(const double* x, const double* y, std::size_t from, std::size_t to) {
  Wide sum = {};
  for (std::size_t i = from; i < to; i += kWide) sum += wide(x + i) * wide(y + i);
  return total(sum);
}

// p = A v over columns and rows from `first` on.
void multiply(std::size_t n, std::size_t stride, const double* a, const double* v, double* p, std::size_t first) {
  const std::size_t from = first - first % kWide;
  for (std::size_t i = from; i < stride; i += kWide) wide(p + i) = Wide{};
  std::size_t j = first;
  for (; j + 4 <= n; j += 4) {
    const double *a0 = a + j * stride, *a1 = a0 + stride, *a2 = a1 + stride, *a3 = a2 + stride;
    const double v0 = v[j], v1 = v[j + 1], v2 = v[j + 2], v3 = v[j + 3];
    for (std::size_t i = from; i < stride; i += kWide) {
      wide(p + i) += (wide(a0 + i) * v0 + wide(a1 + i) * v1) + (wide(a2 + i) * v2 + wide(a3 + i) * v3);
    }
  }
  for (; j < n; ++j) {
    for (std::size_t i = from; i < stride; i += kWide) wide(p + i) += wide(a + j * stride + i) * v[j];
  }
  for (std::size_t i = from; i < first; ++i) p[i] = 0.0;
}

// A -= v p' + p v' over columns and rows from `first` on.
void update(std::size_t n, std::size_t stride, double* a, const double* v, const double* p, std::size_t first) {
  const std::size_t from = first - first % kWide;
  std::size_t j = first;
  for (; j + 2 <= n; j += 2) {
    double *a0 = a + j * stride, *a1 = a0 + stride;
    const double v0 = v[j], v1 = v[j + 1], p0 = p[j], p1 = p[j + 1];
    for (std::size_t i = from; i < stride; i += kWide) {
      const Wide vi = wide(v + i), pi = wide(p + i);
      wide(a0 + i) -= vi * p0 + pi * v0;
      wide(a1 + i) -= vi * p1 + pi * v1;
    }
  }
  if (j == n) return;
  const double vj = v[j], pj = p[j];
  for (std::size_t i = from; i < stride; i += kWide) wide(a + j * stride + i) -= wide(v + i) * pj + wide(p + i) * vj;
}

// One column becomes a reflector v (v[first] = 1, zeros before it), kept over the column; returns its factor tau.
// The entry that is left beside the diagonal goes to `beside`.
double reflector(double* column, std::size_t stride, std::size_t first, double* v, double& beside) {
  const std::size_t from = first - first % kWide;
  for (std::size_t i = from; i < stride; i += kWide) wide(v + i) = wide(column + i);
  for (std::size_t i = from; i <= first; ++i) v[i] = 0.0;
  const double alpha = column[first], rest = dot(v, v, from, stride);
  double tau = 0.0, scale = 0.0;
  beside = alpha;
  if (rest > 0.0) {
    const double norm = __builtin_sqrt(alpha * alpha + rest);
    beside = alpha > 0.0 ? -norm : norm;
    tau = (beside - alpha) / beside;
    scale = 1.0 / (alpha - beside);
  }
  for (std::size_t i = from; i < stride; i += kWide) wide(v + i) *= scale;
  v[first] = 1.0;
  for (std::size_t i = first; i < stride; ++i) column[i] = v[i];
  return tau;
}

// d and e of the tridiagonal matrix; the reflectors stay in the columns of a, their factors in tau.
void tridiagonalise(std::size_t n, std::size_t stride, double* a, double* d, double* e, double* tau, double* v,
                    double* p) {
  for (std::size_t k = 0; k + 2 < n; ++k) {
    const std::size_t first = k + 1, from = first - first % kWide;
    d[k] = a[k * stride + k];
    tau[k] = reflector(a + k * stride, stride, first, v, e[k]);
    if (tau[k] == 0.0) continue;
    multiply(n, stride, a, v, p, first);
    const double half = 0.5 * tau[k] * dot(p, v, from, stride);
    for (std::size_t i = from; i < stride; i += kWide) wide(p + i) = tau[k] * (wide(p + i) - half * wide(v + i));
    update(n, stride, a, v, p, first);
  }
  if (n >= 2) {
    d[n - 2] = a[(n - 2) * stride + n - 2];
    e[n - 2] = a[(n - 2) * stride + n - 1];
  }
  d[n - 1] = a[(n - 1) * stride + n - 1];
  e[n - 1] = 0.0;
}

// Columns of z from `first` on lose tau v (v'z). Four at a time: their sums do not wait for each other.
void reflect(std::size_t n, std::size_t stride, const double* v, double tau, std::size_t first, double* z) {
  const std::size_t from = first - first % kWide;
  std::size_t j = first;
  for (; j + 4 <= n; j += 4) {
    double *z0 = z + j * stride, *z1 = z0 + stride, *z2 = z1 + stride, *z3 = z2 + stride;
    Wide s0 = {}, s1 = {}, s2 = {}, s3 = {};
    for (std::size_t i = from; i < stride; i += kWide) {
      const Wide vi = wide(v + i);
      s0 += vi * wide(z0 + i);
      s1 += vi * wide(z1 + i);
      s2 += vi * wide(z2 + i);
      s3 += vi * wide(z3 + i);
    }
    const double t0 = tau * total(s0), t1 = tau * total(s1), t2 = tau * total(s2), t3 = tau * total(s3);
    for (std::size_t i = from; i < stride; i += kWide) {
      const Wide vi = wide(v + i);
      wide(z0 + i) -= t0 * vi;
      wide(z1 + i) -= t1 * vi;
      wide(z2 + i) -= t2 * vi;
      wide(z3 + i) -= t3 * vi;
    }
  }
  for (; j < n; ++j) {
    double* column = z + j * stride;
    const double along = tau * dot(v, column, from, stride);
    for (std::size_t i = from; i < stride; i += kWide) wide(column + i) -= along * wide(v + i);
  }
}

// z = the product of the reflectors, the last first: only the part that is no longer the identity is touched.
void accumulate(std::size_t n, std::size_t stride, const double* a, const double* tau, double* z, double* v) {
  for (std::size_t i = 0; i < n * stride; i += kWide) wide(z + i) = Wide{};
  for (std::size_t k = 0; k < n; ++k) z[k * stride + k] = 1.0;
  for (std::size_t k = n < 2 ? 0 : n - 2; k-- > 0;) {
    if (tau[k] == 0.0) continue;
    const std::size_t first = k + 1, from = first - first % kWide;
    for (std::size_t i = from; i < stride; i += kWide) wide(v + i) = wide(a + k * stride + i);
    for (std::size_t i = from; i < first; ++i) v[i] = 0.0;
    reflect(n, stride, v, tau[k], first, z);
  }
}

[[gnu::always_inline]] inline void rotate(double* low, double* high, std::size_t stride, double c, double s) {
  for (std::size_t i = 0; i < stride; i += kWide) {
    const Wide x = wide(low + i), y = wide(high + i);
    wide(high + i) = s * x + c * y;
    wide(low + i) = c * x - s * y;
  }
}

// One sweep from m up to l. Each rotation is applied one step late, when its numbers are known: the vectors are turned
// while the processor waits for the square root and the divisions of the next.
[[gnu::noinline]] void sweep(std::size_t l, std::size_t m, std::size_t stride, double* d, double* e, double* z) {
  double g = (d[l + 1] - d[l]) / (2.0 * e[l]);
  const double root = __builtin_sqrt(g * g + 1.0);
  g = d[m] - d[l] + e[l] / (g > 0.0 ? g + root : g - root);
  double s = 1.0, c = 1.0, p = 0.0;
  for (std::size_t i = m; i-- > l;) {
    const double last_c = c, last_s = s;
    const double f = s * e[i], b = c * e[i], norm = __builtin_sqrt(f * f + g * g);
    e[i + 1] = norm;
    if (norm == 0.0) {  // the matrix has come apart here
      d[i + 1] -= p;
      e[m] = 0.0;
      if (i + 1 < m) rotate(z + (i + 1) * stride, z + (i + 2) * stride, stride, last_c, last_s);
      return;
    }
    s = f / norm;
    c = g / norm;
    const double above = d[i + 1] - p, r = (d[i] - above) * s + 2.0 * c * b;
    p = s * r;
    d[i + 1] = above + p;
    g = c * r - b;
    if (i + 1 < m) rotate(z + (i + 1) * stride, z + (i + 2) * stride, stride, last_c, last_s);
  }
  rotate(z + l * stride, z + (l + 1) * stride, stride, c, s);
  d[l] -= p;
  e[l] = g;
  e[m] = 0.0;
}

bool iterate(std::size_t n, std::size_t stride, double* d, double* e, double* z) {
  double norm = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    const double size = __builtin_fabs(d[i]) + __builtin_fabs(e[i]);
    norm = norm < size ? size : norm;
  }
  const double nothing = kEpsilon * kEpsilon * norm;
  for (std::size_t l = 0; l < n; ++l) {
    for (int left = kSweeps;; --left) {
      std::size_t m = l;
      for (; m + 1 < n; ++m) {
        const double beside = __builtin_fabs(e[m]);
        if (beside <= nothing || beside <= kEpsilon * (__builtin_fabs(d[m]) + __builtin_fabs(d[m + 1]))) break;
      }
      if (m == l) break;
      if (left == 0) return false;
      sweep(l, m, stride, d, e, z);
    }
  }
  return true;
}

bool solve(std::size_t n, std::size_t stride, double* a, double* vectors, double* values, double* scratch) {
  double *e = scratch, *tau = scratch + stride, *v = scratch + 2 * stride, *p = scratch + 3 * stride;
  tridiagonalise(n, stride, a, values, e, tau, v, p);
  accumulate(n, stride, a, tau, vectors, v);
  return iterate(n, stride, values, e, vectors);
}

}  // namespace

namespace portfolio::PORTFOLIO_LEVEL {

const QlKernels ql_kernels{&solve};

}  // namespace portfolio::PORTFOLIO_LEVEL
