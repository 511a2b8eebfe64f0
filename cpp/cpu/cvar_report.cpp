#include "cvar_report.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "vector_kernels.hpp"

namespace portfolio::cvar {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kCertificate = 1e-9;  // a certificate cancels to this share of what it adds up

// out += factor * M'v, returning the largest entry of M'v.
double add_transposed(MatrixView M, const std::vector<double>& v, std::vector<double>& out) {
  std::vector<double> product(out.size(), 0.0);
  for (std::size_t i = 0; i < M.rows; ++i) vectors().add(M.cols, v[i], M.data + i * M.cols, product.data());
  double largest = 0.0;
  for (std::size_t j = 0; j < out.size(); ++j) {
    out[j] += product[j];
    largest = std::max(largest, std::fabs(product[j]));
  }
  return largest;
}

double add_sizes(MatrixView M, const std::vector<double>& v, std::vector<double>& out) {
  double largest = 0.0;
  for (std::size_t i = 0; i < M.rows; ++i) {
    for (std::size_t j = 0; j < M.cols; ++j) out[j] += std::fabs(v[i] * M(i, j));
  }
  for (const double value : out) largest = std::max(largest, value);
  return largest;
}

bool finite_bound(VectorView bound, std::size_t j, double side) { return bound && side * bound[j] < 1e20; }

// Losses, their quantile and the mean of those beyond it.
void measure_tail(const CvarProblem& v, const Program& program, CvarResult& r, std::vector<double>& losses) {
  losses.resize(v.returns.rows);
  for (std::size_t t = 0; t < losses.size(); ++t) {
    losses[t] = -vectors().dot(v.returns.cols, v.returns.data + t * v.returns.cols, r.x.data());
  }
  std::vector<std::size_t> order(losses.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return losses[a] > losses[b]; });
  double left = 1.0;
  r.cvar = 0.0;
  for (const std::size_t t : order) {
    if (program.weight[t] == 0.0) continue;
    const double share = std::min(left, program.weight[t]);
    r.cvar += share * losses[t];
    r.var = losses[t];
    left -= share;
    if (left <= 1e-12) break;
  }
}

void measure(const CvarProblem& v, const Program& program, CvarResult& r) {
  const std::size_t n = v.returns.cols;
  std::vector<double> losses;
  measure_tail(v, program, r, losses);
  double linear = 0.0, violation = 0.0, size = 0.0, negative = 0.0, complementarity = 0.0, dual = 0.0;
  for (std::size_t j = 0; v.q && j < n; ++j) linear += v.q[j] * r.x[j];
  r.objective = r.cvar + linear;
  for (std::size_t i = 0; i < v.A.rows; ++i) {
    const double activity = vectors().dot(n, v.A.data + i * n, r.x.data());
    violation = std::max(violation, std::fabs(activity - v.b[i]));
    size = std::max({size, std::fabs(activity), std::fabs(v.b[i])});
    dual += v.b[i] * r.y[i];
  }
  for (std::size_t i = 0; i < v.G.rows; ++i) {
    if (v.h[i] >= 1e20) continue;
    const double activity = vectors().dot(n, v.G.data + i * n, r.x.data());
    violation = std::max(violation, activity - v.h[i]);
    size = std::max({size, std::fabs(activity), std::fabs(v.h[i])});
    complementarity = std::max(complementarity, std::fabs(r.z[i] * (v.h[i] - activity)));
    dual += v.h[i] * r.z[i];
  }
  for (std::size_t j = 0; j < n; ++j) {
    if (v.lb) violation = std::max(violation, v.lb[j] - r.x[j]);
    if (v.ub) violation = std::max(violation, r.x[j] - v.ub[j]);
    if (r.z_box[j] == 0.0) continue;
    const double side = r.z_box[j] > 0.0 ? 1.0 : -1.0;
    const VectorView bound = side > 0.0 ? v.ub : v.lb;
    if (!finite_bound(bound, j, side)) {
      negative = std::max(negative, std::fabs(r.z_box[j]));
      continue;
    }
    complementarity = std::max(complementarity, std::fabs(r.z_box[j] * (bound[j] - r.x[j])));
    dual += bound[j] * r.z_box[j];
  }
  std::vector<double> rest = r.z_box;
  double terms = 0.0, sum = 0.0, worst = 0.0;
  for (std::size_t j = 0; v.q && j < n; ++j) {
    rest[j] += v.q[j];
    terms = std::max(terms, std::fabs(v.q[j]));
  }
  std::vector<double> minus(r.scenarios.size());
  for (std::size_t t = 0; t < minus.size(); ++t) {
    minus[t] = -r.scenarios[t];
    sum += r.scenarios[t];
    negative = std::max({negative, -r.scenarios[t], r.scenarios[t] - program.weight[t]});
    worst += r.scenarios[t] * losses[t];
  }
  terms = std::max(terms, add_transposed(v.returns, minus, rest));
  terms = std::max(terms, add_transposed(v.G, r.z, rest));
  terms = std::max(terms, add_transposed(v.A, r.y, rest));
  double largest = std::fabs(sum - 1.0);
  for (const double value : rest) largest = std::max(largest, std::fabs(value));
  r.primal_residual = std::max(violation, 0.0) / (1.0 + size);
  r.dual_residual = std::max(largest, negative) / (1.0 + terms);
  // The dual value is -dual; the scenarios' duals must give CVaR itself.
  const double gap = std::max(std::fabs(r.objective + dual), std::fabs(r.cvar - worst));
  r.gap = std::max(gap, complementarity) / (1.0 + std::fabs(r.objective));
}

// A'y + G'z + z_box = 0 with a negative value, which is brought to -1.
bool confirm_infeasible(const CvarProblem& v, CvarResult& r) {
  const std::size_t n = v.returns.cols;
  std::vector<double> rest(n, 0.0), sizes(n, 0.0);
  add_transposed(v.G, r.z, rest);
  add_transposed(v.A, r.y, rest);
  add_sizes(v.G, r.z, sizes);
  const double added = add_sizes(v.A, r.y, sizes);
  double value = 0.0, terms = 0.0, left = 0.0;
  const auto count = [&](double term) {
    value += term;
    terms += std::fabs(term);
  };
  for (std::size_t i = 0; i < v.A.rows; ++i) count(v.b[i] * r.y[i]);
  for (std::size_t i = 0; i < v.G.rows; ++i) {
    if (r.z[i] != 0.0) count(v.h[i] * r.z[i]);
  }
  for (std::size_t j = 0; j < n; ++j) {
    const double side = rest[j] < 0.0 ? 1.0 : -1.0;
    const VectorView bound = side > 0.0 ? v.ub : v.lb;
    r.z_box[j] = rest[j] != 0.0 && finite_bound(bound, j, side) ? -rest[j] : 0.0;
    if (r.z_box[j] != 0.0) count(bound[j] * r.z_box[j]);
    left = std::max(left, std::fabs(rest[j] + r.z_box[j]));
  }
  if (!(-value > kCertificate * terms) || left > kCertificate * added) return false;
  for (auto* duals : {&r.y, &r.z, &r.z_box}) {
    for (double& dual : *duals) dual /= -value;
  }
  return true;
}

// A direction along which the constraints hold for ever and the objective falls, at the rate -1.
bool confirm_unbounded(const CvarProblem& v, const Program& program, CvarResult& r) {
  const std::size_t n = v.returns.cols;
  for (std::size_t j = 0; j < n; ++j) {
    if (finite_bound(v.lb, j, -1.0)) r.x[j] = std::max(r.x[j], 0.0);
    if (finite_bound(v.ub, j, 1.0)) r.x[j] = std::min(r.x[j], 0.0);
  }
  std::vector<double> losses;
  measure_tail(v, program, r, losses);
  double slope = r.cvar, terms = std::fabs(r.cvar);
  for (std::size_t j = 0; v.q && j < n; ++j) {
    slope += v.q[j] * r.x[j];
    terms += std::fabs(v.q[j] * r.x[j]);
  }
  if (!(-slope > kCertificate * terms)) return false;
  double reach = 0.0;
  for (const double value : r.x) reach = std::max(reach, std::fabs(value));
  const auto leaves = [&](MatrixView M, std::size_t i, bool both) {
    double activity = 0.0, added = 0.0;
    for (std::size_t j = 0; j < n; ++j) {
      activity += M(i, j) * r.x[j];
      added += std::fabs(M(i, j)) * reach;  // entries of the ray that are rounding count as nothing
    }
    return (both ? std::fabs(activity) : activity) > kCertificate * added;
  };
  for (std::size_t i = 0; i < v.A.rows; ++i) {
    if (leaves(v.A, i, true)) return false;
  }
  for (std::size_t i = 0; i < v.G.rows; ++i) {
    if (v.h[i] < 1e20 && leaves(v.G, i, false)) return false;
  }
  for (double& value : r.x) value /= -slope;
  return true;
}

void take_duals(const CvarProblem& v, const Program& program, const Simplex& simplex, CvarResult& r) {
  const std::vector<double> pi = simplex.multipliers();
  const double unit = r.status == QpStatus::primal_infeasible ? 1.0 : 1.0 / program.scale.back();
  for (std::size_t i = 0; i < program.m; ++i) r.z[i] = pi[i] * program.scale[i] * unit;
  for (std::size_t i = 0; i < program.p; ++i) r.y[i] = pi[program.m + i] * program.scale[program.m + i] * unit;
  if (r.status == QpStatus::primal_infeasible) return;
  for (std::size_t j = 0; j < v.returns.cols; ++j) {  // a dual only at the bound that its sign belongs to
    const double dual = -simplex.reduced_costs()[j] * unit;
    const double bound = dual > 0.0 ? program.ub[j] : program.lb[j];
    r.z_box[j] = r.x[j] == bound ? dual : 0.0;
  }
  for (std::size_t t = 0; t < program.T; ++t) r.scenarios[t] = pi[program.m + program.p + t];
}

CvarResult empty(const CvarProblem& v, QpStatus status) {
  CvarResult r;
  r.status = status;
  r.x.assign(v.returns.cols, 0.0);
  r.y.assign(v.A.rows, 0.0);
  r.z.assign(v.G.rows, 0.0);
  r.z_box.assign(v.returns.cols, 0.0);
  r.scenarios.assign(v.returns.rows, 0.0);
  return r;
}

void forget_values(CvarResult& r, double objective) {
  r.objective = objective;
  r.cvar = r.var = std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

CvarResult crossed(const CvarProblem& v, std::size_t variable) {
  CvarResult r = empty(v, QpStatus::primal_infeasible);
  r.z_box[variable] = 1.0;
  forget_values(r, kInfinity);
  return r;
}

CvarResult report(const CvarProblem& v, const Program& program, const Simplex& simplex, QpStatus status,
                  double tolerance) {
  CvarResult r = empty(v, status);
  if (status == QpStatus::primal_infeasible) {
    take_duals(v, program, simplex, r);
    if (!confirm_infeasible(v, r)) r.status = QpStatus::numerical_error;
    forget_values(r, kInfinity);
    return r;
  }
  if (status == QpStatus::dual_infeasible) {
    std::copy_n(simplex.ray().begin(), v.returns.cols, r.x.begin());
    if (!confirm_unbounded(v, program, r)) r.status = QpStatus::numerical_error;
    forget_values(r, -kInfinity);
    return r;
  }
  for (std::size_t j = 0; j < r.x.size(); ++j) {
    r.x[j] = std::min(std::max(simplex.x()[j], program.lb[j]), program.ub[j]) + 0.0;
  }
  take_duals(v, program, simplex, r);
  measure(v, program, r);
  if (status == QpStatus::optimal && !(std::max({r.primal_residual, r.dual_residual, r.gap}) <= tolerance)) {
    r.status = QpStatus::numerical_error;
  }
  return r;
}

}  // namespace portfolio::cvar
