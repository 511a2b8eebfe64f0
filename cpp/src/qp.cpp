#include "portfolio/qp.hpp"

#include <cmath>

#include "backend.hpp"
#include "checks.hpp"

namespace portfolio {
namespace {

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

void check_vector(const char* function, const char* name, VectorView v, std::size_t n) {
  if (!v) return;
  if (v.size != n) fail(function, name, std::to_string(n) + " entries as in q", std::to_string(v.size));
  check_finite(function, name, v.data, 1, n);
}

void check_not_negative(const char* function, const char* name, VectorView v) {
  for (std::size_t k = 0; k < v.size; ++k) {
    if (v[k] < 0.0) fail(function, name, "numbers of at least 0", number(v[k]) + " at [" + std::to_string(k) + "]");
  }
}

// The variances that factors explain and those they do not. Convexity of F is the backend's check, as that of P.
void check_factors(const char* function, const QpProblem& p) {
  const FactorView& f = p.factors;
  if (!f.B && !f.F && !f.D) return;
  if (p.P) fail(function, "P", "nothing because factors are given", shape(p.P.rows, p.P.cols));
  if (!f.B) fail(function, "loadings", "a matrix because factors are given", "nothing");
  if (f.B.rows != p.q.size) {
    fail(function, "loadings", std::to_string(p.q.size) + " rows as q has entries", shape(f.B.rows, f.B.cols));
  }
  check_finite(function, "loadings", f.B.data, f.B.rows, f.B.cols);
  if (f.F) {
    if (f.F.rows != f.B.cols || f.F.cols != f.B.cols) {
      const std::string k = std::to_string(f.B.cols);
      fail(function, "factor_covariance", "shape (" + k + ", " + k + ") as loadings has " + k + " columns",
           shape(f.F.rows, f.F.cols));
    }
    if (f.B.cols > 0) check_symmetric(function, "factor_covariance", f.F);
  }
  if (f.D) {
    check_vector(function, "specific_variance", f.D, p.q.size);
    check_not_negative(function, "specific_variance", f.D);
  }
}

void check_trading(const char* function, const QpProblem& p) {
  check_vector(function, "held", p.held, p.q.size);
  check_vector(function, "trading_cost", p.cost, p.q.size);
  check_not_negative(function, "trading_cost", p.cost);
  if (!(p.turnover >= 0.0)) fail(function, "turnover", "a number of at least 0", number(p.turnover));
  if (p.held) return;
  if (p.cost) fail(function, "held", "a vector because trading_cost is given", "nothing");
  if (p.turnover < HUGE_VAL) fail(function, "held", "a vector because turnover is given", "nothing");
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

// All but the entries of P, which the backend checks together with its convexity.
void check_qp(const char* function, const QpProblem& p) {
  const std::size_t n = p.q.size;
  if (!p.q || n == 0) fail(function, "q", "a vector with at least 1 entry", p.q ? "an empty one" : "nothing");
  check_finite(function, "q", p.q.data, 1, n);
  if (p.P) {
    check_square(function, "P", p.P);
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
  check_factors(function, p);
  check_trading(function, p);
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
  check_qp(name, problem);
  check_options(name, options);
  check_vector(name, "start", options.start, problem.q.size);
  const Choice choice = choose_backend(options.device, name);
  QpResult result = choice.backend.solve_qp(problem, options);
  if (result.device.reason.empty()) result.device = choice.used;
  return result;
}

std::vector<QpResult> solve_qp_batch(const std::vector<QpProblem>& problems, const QpOptions& options) {
  constexpr const char* name = "solve_qp_batch";
  check_options(name, options);
  for (std::size_t k = 0; k < problems.size(); ++k) {
    const QpProblem& problem = problems[k];
    check_qp(name, problem);
    check_vector(name, "start", options.starts != nullptr ? options.starts[k] : options.start, problem.q.size);
  }
  const Choice choice = choose_backend(options.device, name);
  std::vector<QpResult> results = choice.backend.solve_qp_batch(problems, options);
  for (QpResult& result : results) {
    if (result.device.reason.empty()) result.device = choice.used;
  }
  return results;
}

}  // namespace portfolio
