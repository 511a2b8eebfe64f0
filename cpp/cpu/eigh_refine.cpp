// Ogita and Aishima 2018, "Iterative refinement for symmetric eigenvalue decomposition", Japan J. Indust. Appl. Math.
// 35, algorithm 1. Eigenvalues too close for its first order are taken together and the small problem of their subspace
// is solved, in the manner of their part II (2019, same journal 36).
#include "eigh_refine.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "blas.hpp"
#include "symmetric.hpp"

namespace portfolio {
namespace {

using Vector = std::vector<double>;

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
constexpr int kPasses = 6;
constexpr double kFirstOrder = 0.01;  // largest coupling / gap at which a first-order correction is trusted
constexpr double kSameGap = 1e-6;     // of the norm; an uncertain coupling turns nothing where the gap is smaller

// X'X, X'AX and what the corrections are made of. Couplings vanish for exact eigenvectors.
struct Projection {
  Vector gram, projected, values;

  double defect(std::size_t n, std::size_t i, std::size_t j) const { return (i == j ? 1.0 : 0.0) - gram[j * n + i]; }
  double coupling(std::size_t n, std::size_t i, std::size_t j) const {
    return 0.5 * (projected[j * n + i] + projected[i * n + j]) + 0.5 * (values[i] + values[j]) * defect(n, i, j);
  }
};

Vector product(std::size_t n, bool transposed, const double* a, const double* b) {
  Vector out(n * n);
  const int order = static_cast<int>(n);
  blas::gemm(transposed, false, order, order, order, 1.0, a, order, b, order, 0.0, out.data(), order);
  return out;
}

Projection project(const Matrix& a, const Vector& x) {
  const std::size_t n = a.rows;
  Projection out;
  out.gram.resize(n * n);
  blas::syrk(static_cast<int>(n), static_cast<int>(n), 1.0, x.data(), out.gram.data());
  out.projected = product(n, true, x.data(), product(n, false, a.data.data(), x.data()).data());
  out.values.resize(n);
  for (std::size_t i = 0; i < n; ++i) out.values[i] = out.projected[i * n + i] / out.gram[i * n + i];
  return out;
}

struct Correction {
  Vector e;                                        // X becomes X + X e
  double largest = 0.0;                            // entry of e
  std::vector<std::vector<std::size_t>> clusters;  // that the first order cannot separate
};

bool first_order(double coupling, double gap) { return std::fabs(coupling) <= kFirstOrder * std::fabs(gap); }

template <class Visit>
void each_pair(const Projection& p, std::size_t n, const Visit& visit) {
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t i = 0; i < j; ++i) visit(i, j, p.coupling(n, i, j), p.values[j] - p.values[i]);
  }
}

// Couplings are known up to rounding and to the second order of what is still wrong.
double uncertainty(const Projection& p, std::size_t n, double norm) {
  double second = kEpsilon * norm;
  each_pair(p, n, [&](std::size_t, std::size_t, double coupling, double gap) {
    if (std::fabs(coupling) > 4.0 * kEpsilon * norm && first_order(coupling, gap)) {
      second = std::max(second, coupling * coupling / std::fabs(gap));
    }
  });
  return 4.0 * second;
}

// Gaps below this are not trusted in the first pass, whose couplings have the errors of float32.
double nearest_gap(const Projection& p, std::size_t n) {
  double largest = 0.0;
  each_pair(p, n, [&](std::size_t, std::size_t, double coupling, double) {
    largest = std::max(largest, std::fabs(coupling));
  });
  return largest / kFirstOrder;
}

std::vector<std::vector<std::size_t>> components(std::vector<std::size_t>& root) {
  std::vector<std::vector<std::size_t>> members(root.size()), out;
  for (std::size_t i = 0; i < root.size(); ++i) {
    std::size_t top = i;
    while (root[top] != top) top = root[top];
    members[top].push_back(i);
  }
  for (auto& group : members) {
    if (group.size() > 1) out.push_back(std::move(group));
  }
  return out;
}

// Half the defect restores orthogonality; coupling / gap turns two vectors against each other. A pair whose coupling is
// too large for its gap joins a cluster, one whose coupling is uncertain waits for the next pass.
Correction correct(const Projection& p, std::size_t n, double norm, bool first_pass) {
  Correction out;
  out.e.assign(n * n, 0.0);
  for (std::size_t i = 0; i < n; ++i) out.e[i * n + i] = 0.5 * p.defect(n, i, i);
  const double uncertain = uncertainty(p, n, norm), near = first_pass ? nearest_gap(p, n) : 0.0;
  std::vector<std::size_t> root(n);
  std::iota(root.begin(), root.end(), std::size_t{0});
  const auto find = [&](std::size_t i) {
    while (root[i] != i) i = root[i] = root[root[i]];
    return i;
  };
  each_pair(p, n, [&](std::size_t i, std::size_t j, double coupling, double gap) {
    const double half = 0.5 * p.defect(n, i, j);
    double turn = 0.0;
    if (std::fabs(gap) > near && first_order(coupling, gap)) {
      const bool settled = std::fabs(coupling) <= uncertain && std::fabs(gap) <= kSameGap * norm;
      turn = settled ? 0.0 : coupling / gap;
    } else if (!first_pass && std::fabs(coupling) > uncertain) {
      root[find(i)] = find(j);
    }
    out.e[j * n + i] = half + turn;
    out.e[i * n + j] = half - turn;
    out.largest = std::max({out.largest, std::fabs(half + turn), std::fabs(half - turn)});
  });
  for (std::size_t i = 0; i < n; ++i) out.largest = std::max(out.largest, std::fabs(out.e[i * n + i]));
  out.clusters = components(root);
  return out;
}

// Rayleigh and Ritz in the span of a cluster, relative to its mean so that a defect costs nothing to first order.
void separate(const Projection& p, std::size_t n, const std::vector<std::size_t>& cluster, Vector& x) {
  const std::size_t m = cluster.size();
  double mean = 0.0;
  for (const std::size_t i : cluster) mean += p.values[i] / static_cast<double>(m);
  Vector small(m * m), values(m), turned(n * m, 0.0);
  for (std::size_t b = 0; b < m; ++b) {
    for (std::size_t a = 0; a < m; ++a) {
      const std::size_t i = cluster[a], j = cluster[b];
      const double entry = 0.5 * (p.projected[j * n + i] + p.projected[i * n + j]);
      small[b * m + a] = i == j ? (p.values[i] - mean) * p.gram[i * n + i] : entry + mean * p.defect(n, i, j);
    }
  }
  eigen_columns(m, small.data(), values.data());
  for (std::size_t b = 0; b < m; ++b) {
    for (std::size_t a = 0; a < m; ++a) {
      const double* from = &x[cluster[a] * n];
      for (std::size_t k = 0; k < n; ++k) turned[b * n + k] += small[b * m + a] * from[k];
    }
  }
  for (std::size_t b = 0; b < m; ++b) std::copy_n(&turned[b * n], n, &x[cluster[b] * n]);
}

// Rayleigh quotients, and whether A X = X diag(values) and X'X = I hold to the rounding of a backward stable solver.
bool certified(const Matrix& a, const Vector& x, double norm, Vector& values) {
  const std::size_t n = a.rows;
  const Vector image = product(n, false, a.data.data(), x.data());
  Vector gram(n * n);
  blas::syrk(static_cast<int>(n), static_cast<int>(n), 1.0, x.data(), gram.data());
  const double rounding = 4.0 * kEpsilon * std::sqrt(static_cast<double>(n));
  bool passes = true;  // written so that a NaN does not
  values.assign(n, 0.0);
  for (std::size_t k = 0; k < n; ++k) {
    for (std::size_t i = 0; i < n; ++i) {
      values[k] += x[k * n + i] * image[k * n + i];
      passes = passes && std::fabs(gram[k * n + i] - (i == k ? 1.0 : 0.0)) <= rounding;
    }
    values[k] /= gram[k * n + k];
    for (std::size_t i = 0; i < n; ++i) {
      passes = passes && std::fabs(image[k * n + i] - values[k] * x[k * n + i]) <= rounding * norm;
    }
  }
  return passes;
}

void sort_ascending(std::size_t n, Vector& x, Vector& values) {
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) { return values[i] < values[j]; });
  Vector sorted(n * n), ascending(n);
  for (std::size_t k = 0; k < n; ++k) {
    std::copy_n(&x[order[k] * n], n, &sorted[k * n]);
    ascending[k] = values[order[k]];
  }
  x = std::move(sorted);
  values = std::move(ascending);
}

}  // namespace

bool refine_eigenvectors(const Matrix& a, std::vector<double>& columns, std::vector<double>& values) {
  const std::size_t n = a.rows;
  double norm = 0.0;
  for (const double v : a.data) norm += v * v;
  norm = std::sqrt(norm);
  for (int pass = 0; pass < kPasses; ++pass) {
    const Projection projection = project(a, columns);
    const Correction correction = correct(projection, n, norm, pass == 0);
    if (!(correction.largest < 0.1)) return false;  // too far off, or NaN
    const Vector step = product(n, false, columns.data(), correction.e.data());
    for (std::size_t k = 0; k < n * n; ++k) columns[k] += step[k];
    for (const auto& cluster : correction.clusters) {
      if (2 * cluster.size() > n && n > 8) return false;  // as large as the problem itself
      separate(projection, n, cluster, columns);
    }
    const double left = correction.largest * correction.largest * static_cast<double>(n);
    if (correction.clusters.empty() && left < 0.1 * kEpsilon) break;
  }
  if (!certified(a, columns, norm, values)) return false;
  sort_ascending(n, columns, values);
  return true;
}

}  // namespace portfolio
