// The frontier as independent quadratic programs: both ends first, then the points between them in one batch.
#include "frontier_programs.hpp"

#include <algorithm>
#include <cmath>

#include "blas.hpp"

namespace portfolio {
namespace {

constexpr double kActive = 1e-9;  // a dual beyond this share of the largest return holds its constraint

double dot(VectorView a, const std::vector<double>& b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size; ++i) sum += a[i] * b[i];
  return sum;
}

double standard_deviation(MatrixView Sigma, const std::vector<double>& w) {
  double variance = 0.0;
  for (std::size_t i = 0; i < Sigma.rows; ++i) {
    double row = 0.0;
    for (std::size_t j = 0; j < Sigma.cols; ++j) row += Sigma(i, j) * w[j];
    variance += w[i] * row;
  }
  return std::sqrt(std::max(variance, 0.0));
}

double worst(const QpResult& r) { return std::max({r.primal_residual, r.dual_residual, r.gap}); }

std::vector<double> copy(VectorView v) {
  return v ? std::vector<double>(v.data, v.data + v.size) : std::vector<double>();
}

void append_row(Matrix& m, const double* row, std::size_t n) {
  m.data.insert(m.data.end(), row, row + n);
  m.cols = n;
  ++m.rows;
}

Matrix copy(MatrixView m, std::size_t n) {
  Matrix out;
  out.cols = n;
  for (std::size_t i = 0; i < m.rows; ++i) append_row(out, m.data + i * n, n);
  return out;
}

// Whether least variance may be shared by several portfolios.
bool singular(MatrixView Sigma) {
  const int n = static_cast<int>(Sigma.rows);
  std::vector<double> factor(Sigma.data, Sigma.data + Sigma.rows * Sigma.cols);
  double largest = 0.0;
  for (std::size_t i = 0; i < Sigma.rows; ++i) largest = std::max(largest, Sigma(i, i));
  if (blas::potrf(n, factor.data(), n) != 0) return true;
  for (std::size_t i = 0; i < Sigma.rows; ++i) {
    const double pivot = factor[i * Sigma.rows + i];
    if (pivot * pivot <= 1e-10 * largest) return true;
  }
  return false;
}

// The caller's constraints with rows and bounds that can be added or moved.
struct Constraints {
  std::size_t n;
  Matrix G, A;
  std::vector<double> h, b, lb, ub;

  explicit Constraints(const FrontierProblem& p)
      : n(p.mu.size), G(copy(p.G, n)), A(copy(p.A, n)), h(copy(p.h)), b(copy(p.b)), lb(copy(p.lb)), ub(copy(p.ub)) {
    if (lb.empty()) lb.assign(n, -HUGE_VAL);
    if (ub.empty()) ub.assign(n, HUGE_VAL);
  }

  QpProblem with(MatrixView P, const std::vector<double>& q) const {
    QpProblem out;
    out.P = P;
    out.q = view(q);
    if (G.rows > 0) out.G = G.view(), out.h = view(h);
    if (A.rows > 0) out.A = A.view(), out.b = view(b);
    out.lb = view(lb);
    out.ub = view(ub);
    return out;
  }

  // The feasible points at which every constraint with a positive dual stays active: the optimal face.
  void keep_active(const QpResult& vertex, double gradient) {
    const double threshold = kActive * gradient;
    for (std::size_t i = 0; i < n; ++i) {
      if (vertex.z_box[i] < -threshold) ub[i] = lb[i];
      if (vertex.z_box[i] > threshold) lb[i] = ub[i];
    }
    for (std::size_t i = 0; i < vertex.z.size(); ++i) {
      if (vertex.z[i] <= threshold) continue;
      double value = 0.0;
      for (std::size_t j = 0; j < n; ++j) value += G(i, j) * vertex.x[j];
      append_row(A, G.data.data() + i * n, n);
      b.push_back(value);
    }
  }

  // The portfolios that differ from w only where Sigma sees no risk.
  void keep_risk(MatrixView Sigma, const std::vector<double>& w) {
    for (std::size_t i = 0; i < n; ++i) {
      append_row(A, Sigma.data + i * n, n);
      b.push_back(dot({Sigma.data + i * n, n}, w));
    }
  }
};

// Truthful about both: the ends are single programs and stay on the CPU. No reason yet where the CPU did it all.
DeviceUsed devices(const std::vector<QpResult>& solved) {
  const auto accelerated = [](const QpResult& r) { return r.device.name != "cpu"; };
  const auto count = std::count_if(solved.begin(), solved.end(), accelerated);
  if (count == 0) return solved[solved.size() > 2 ? 1 : 0].device;
  const auto first = std::find_if(solved.begin(), solved.end(), accelerated);
  return {first->device.name, std::to_string(count) + " of " + std::to_string(solved.size()) + " points"};
}

}  // namespace

FrontierResult frontier_by_programs(const FrontierProblem& problem, const CpuBackend& backend) {
  const std::size_t n = problem.mu.size, count = problem.points;
  const std::vector<double> zero(n, 0.0);
  std::vector<double> cost(n);
  double largest = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    cost[i] = -problem.mu[i];
    largest = std::max(largest, std::fabs(cost[i]));
  }
  std::vector<QpResult> solved(count);
  FrontierResult out;
  const auto stopped = [&](const QpResult& r) {
    out.status = r.status;
    if (r.status == QpStatus::optimal) return false;
    out.device = r.device;
    return true;
  };

  // The top: of all portfolios with the highest return the one with least variance.
  const Constraints given(problem);
  const QpResult vertex = backend.solve_qp(given.with({}, cost), problem.qp);
  if (stopped(vertex)) return out;
  Constraints face = given;
  face.keep_active(vertex, largest);
  solved[count - 1] = backend.solve_qp(face.with(problem.Sigma, zero), problem.qp);
  if (stopped(solved[count - 1])) return out;
  solved[0] = backend.solve_qp(given.with(problem.Sigma, zero), problem.qp);
  if (stopped(solved[0])) return out;
  if (singular(problem.Sigma)) {  // of several portfolios with least variance the one with the highest return
    Constraints calm = given;
    calm.keep_risk(problem.Sigma, solved[0].x);
    const QpResult best = backend.solve_qp(calm.with({}, cost), problem.qp);
    if (stopped(best)) return out;
    solved[0].x = best.x;
  }

  const double low = dot(problem.mu, solved[0].x);
  const double high = std::max(low, dot(problem.mu, solved[count - 1].x));
  // The points between differ in one right-hand side only: one batch that shares every matrix.
  Constraints between = given;
  append_row(between.G, cost.data(), n);
  std::vector<std::vector<double>> limits(count - 2, between.h);
  std::vector<QpProblem> problems(count - 2, between.with(problem.Sigma, zero));
  for (std::size_t k = 0; k + 2 < count; ++k) {
    const double share = static_cast<double>(k + 1) / static_cast<double>(count - 1);
    limits[k].push_back(-(low + share * (high - low)));
    problems[k].G = between.G.view();
    problems[k].h = view(limits[k]);
  }
  std::vector<QpResult> inner = backend.solve_qp_batch(problems, problem.qp);
  std::move(inner.begin(), inner.end(), solved.begin() + 1);
  out.device = devices(solved);

  out.weights = Matrix(count, n);
  out.expected_return.resize(count);
  out.expected_risk.resize(count);
  for (std::size_t k = 0; k < count; ++k) {
    if (stopped(solved[k])) return out;
    std::copy(solved[k].x.begin(), solved[k].x.end(), out.weights.data.begin() + static_cast<std::ptrdiff_t>(k * n));
    out.expected_return[k] = dot(problem.mu, solved[k].x);
    out.expected_risk[k] = standard_deviation(problem.Sigma, solved[k].x);
    out.max_residual = std::max(out.max_residual, worst(solved[k]));
  }
  return out;
}

}  // namespace portfolio
