#include "portfolio/qp.hpp"

#include <cmath>

#include "backend.hpp"
#include "checks.hpp"

namespace portfolio {
namespace {

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

void check_matrix(const char* function, const char* name, MatrixView m, std::size_t n) {
  if (!m) return;
  if (m.cols != n) {
    fail(function, name, std::to_string(n) + " columns, one for each variable of q", shape(m.rows, m.cols));
  }
  check_finite(function, name, m.data, m.rows, m.cols);
}

// A right-hand side has one entry for each row of its matrix; both are given or neither is.
void check_side(const char* function, const char* name, const char* matrix_name, VectorView v, MatrixView m) {
  if (!v && !m) return;
  if (!m) fail(function, matrix_name, std::string("a matrix because ") + name + " is given", "nothing");
  if (!v) fail(function, name, std::string("a vector because ") + matrix_name + " is given", "nothing");
  if (v.size != m.rows) {
    fail(function, name, "one entry for each of the " + std::to_string(m.rows) + " rows of " + matrix_name,
         std::to_string(v.size));
  }
}

// Infinities are allowed on one side: +1 for h and ub, -1 for lb.
void check_limit(const char* function, const char* name, VectorView v, double side) {
  for (std::size_t k = 0; k < v.size; ++k) {
    if (std::isnan(v[k]) || v[k] == -side * HUGE_VAL) {
      fail(function, name, side > 0.0 ? "numbers or +infinity" : "numbers or -infinity",
           number(v[k]) + " at [" + std::to_string(k) + "]");
    }
  }
}

void check_bound(const char* function, const char* name, VectorView v, std::size_t n, double side) {
  if (!v) return;
  if (v.size != n) fail(function, name, std::to_string(n) + " entries as in q", std::to_string(v.size));
  check_limit(function, name, v, side);
}

void check_options(const char* function, const QpOptions& options) {
  if (!(options.tolerance > 0.0 && options.tolerance <= 1e-2)) {
    fail(function, "tolerance", "a number above 0 and at most 0.01", number(options.tolerance));
  }
  if (options.max_iterations < 1) {
    fail(function, "max_iterations", "at least 1", std::to_string(options.max_iterations));
  }
}

}  // namespace

void check_problem(const char* function, const QpProblem& p) {
  const std::size_t n = p.q.size;
  if (!p.q || n == 0) fail(function, "q", "a vector with at least 1 entry", p.q ? "an empty one" : "nothing");
  check_finite(function, "q", p.q.data, 1, n);
  if (p.P) {
    check_symmetric(function, "P", p.P);
    if (p.P.rows != n) {
      const std::string size = std::to_string(n);
      fail(function, "P", "shape (" + size + ", " + size + ") as q has " + size + " entries",
           shape(p.P.rows, p.P.cols));
    }
  }
  check_matrix(function, "G", p.G, n);
  check_matrix(function, "A", p.A, n);
  check_side(function, "h", "G", p.h, p.G);
  check_side(function, "b", "A", p.b, p.A);
  check_limit(function, "h", p.h, 1.0);
  if (p.b) check_finite(function, "b", p.b.data, 1, p.b.size);
  check_bound(function, "lb", p.lb, n, -1.0);
  check_bound(function, "ub", p.ub, n, 1.0);
}

const char* to_string(QpStatus status) {
  switch (status) {
    case QpStatus::optimal:
      return "optimal";
    case QpStatus::primal_infeasible:
      return "primal_infeasible";
    case QpStatus::dual_infeasible:
      return "dual_infeasible";
    case QpStatus::max_iterations:
      return "max_iterations";
    case QpStatus::time_limit:
      return "time_limit";
    case QpStatus::cancelled:
      return "cancelled";
    case QpStatus::numerical_error:
      break;
  }
  return "numerical_error";
}

const char* to_string(QpMethod method) {
  switch (method) {
    case QpMethod::active_set:
      return "active_set";
    case QpMethod::interior_point:
      return "interior_point";
    case QpMethod::automatic:
      break;
  }
  return "auto";
}

QpResult solve_qp(const QpProblem& problem, const QpOptions& options) {
  constexpr const char* name = "solve_qp";
  check_problem(name, problem);
  check_options(name, options);
  const Choice choice = choose_backend(options.device, name);
  QpResult result = choice.backend.solve_qp(problem, options);
  if (result.device.reason.empty()) result.device = choice.used;
  return result;
}

std::vector<QpResult> solve_qp_batch(const std::vector<QpProblem>& problems, const QpOptions& options) {
  constexpr const char* name = "solve_qp_batch";
  check_options(name, options);
  for (const QpProblem& problem : problems) check_problem(name, problem);
  const Choice choice = choose_backend(options.device, name);
  std::vector<QpResult> results = choice.backend.solve_qp_batch(problems, options);
  for (QpResult& result : results) {
    if (result.device.reason.empty()) result.device = choice.used;
  }
  return results;
}

}  // namespace portfolio
