#include "cvar_program.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace portfolio::cvar {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kHuge = 1e20;      // a bound beyond counts as infinite, as in solve_qp
constexpr std::size_t kTile = 32;   // rows transposed at a time
constexpr double kSmallest = 1e-3;  // of the typical column: what the norm of a column without risk counts as

// The power of two that brings a magnitude to about one, so that scaling does not round.
double unit(double magnitude) { return magnitude > 0.0 ? std::exp2(-std::round(std::log2(magnitude))) : 1.0; }

double largest(const double* values, std::size_t count) {
  double out = 0.0;
  for (std::size_t k = 0; k < count; ++k) out = std::max(out, std::fabs(values[k]));
  return out;
}

void put_row(Program& p, std::size_t i, const double* values, double sign, double scale) {
  double* row = p.rows.data() + i * p.n;
  for (std::size_t j = 0; j + 1 < p.n; ++j) row[j] = sign * scale * values[j];
  p.scale[i] = scale;
}

void put_rows(Program& p, const CvarProblem& v, double scenario_scale) {
  const std::size_t n = v.returns.cols;
  for (std::size_t i = 0; i < p.m; ++i) {
    const double* values = v.G.data + i * n;
    put_row(p, i, values, 1.0, unit(largest(values, n)));
    p.shift[i] = v.h[i] >= kHuge ? kInfinity : p.scale[i] * v.h[i];
  }
  for (std::size_t i = 0; i < p.p; ++i) {
    const double* values = v.A.data + i * n;
    put_row(p, p.m + i, values, 1.0, unit(largest(values, n)));
    p.shift[p.m + i] = p.scale[p.m + i] * v.b[i];
  }
  for (std::size_t t = 0; t < p.T; ++t) {
    put_row(p, p.m + p.p + t, v.returns.data + t * n, -1.0, scenario_scale);
    p.rows[(p.m + p.p + t) * p.n + n] = -1.0;
  }
}

void transpose(Program& p) {
  const std::size_t count = p.row_count();
  for (std::size_t first = 0; first < count; first += kTile) {
    const std::size_t last = std::min(count, first + kTile);
    for (std::size_t j = 0; j < p.n; ++j) {
      for (std::size_t i = first; i < last; ++i) p.columns[j * count + i] = p.rows[i * p.n + j];
    }
  }
}

}  // namespace

Program make_program(const CvarProblem& v) {
  Program p;
  const std::size_t n = v.returns.cols;
  p.n = n + 1;
  p.m = v.G.rows;
  p.p = v.A.rows;
  p.T = v.returns.rows;
  const std::size_t count = p.row_count();
  p.rows.assign(count * p.n, 0.0);
  p.columns.resize(count * p.n);
  p.shift.assign(count, 0.0);
  p.scale.assign(count, 1.0);
  const double scale = unit(largest(v.returns.data, p.T * n));
  put_rows(p, v, scale);
  transpose(p);
  p.cost.assign(p.n, 0.0);
  p.lb.assign(p.n, -kInfinity);
  p.ub.assign(p.n, kInfinity);
  for (std::size_t j = 0; j < n; ++j) {
    if (v.q) p.cost[j] = scale * v.q[j];
    if (v.lb && v.lb[j] > -kHuge) p.lb[j] = v.lb[j];
    if (v.ub && v.ub[j] < kHuge) p.ub[j] = v.ub[j];
  }
  p.cost[n] = 1.0;
  p.weight.assign(p.T, 1.0 / (static_cast<double>(p.T) * (1.0 - v.confidence)));
  if (v.probabilities) {
    const double total = std::accumulate(v.probabilities.data, v.probabilities.data + p.T, 0.0);
    for (std::size_t t = 0; t < p.T; ++t) p.weight[t] = v.probabilities[t] / total / (1.0 - v.confidence);
  }
  p.size.resize(p.n);
  double typical = 0.0;
  for (std::size_t j = 0; j < p.n; ++j) {
    const double* column = p.column(j);
    p.size[j] = std::sqrt(std::inner_product(column, column + count, column, 0.0));
    if (j < n) typical = std::max(typical, p.size[j]);
  }
  for (double& size : p.size) size = std::max(size, typical > 0.0 ? kSmallest * typical : 1.0);
  return p;
}

}  // namespace portfolio::cvar
