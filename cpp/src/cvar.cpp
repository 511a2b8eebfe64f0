#include "portfolio/cvar.hpp"

#include "backend.hpp"
#include "checks.hpp"

namespace portfolio {
namespace {

constexpr const char* kName = "solve_cvar";

void check_matrix(const char* matrix_name, MatrixView m, const char* side_name, VectorView side, std::size_t n) {
  if (!m && !side) return;
  if (!m) fail(kName, matrix_name, std::string("a matrix because ") + side_name + " is given", "nothing");
  if (!side) fail(kName, side_name, std::string("a vector because ") + matrix_name + " is given", "nothing");
  if (m.cols != n) {
    fail(kName, matrix_name, std::to_string(n) + " columns as in returns", shape(m.rows, m.cols));
  }
  check_finite(kName, matrix_name, m.data, m.rows, m.cols);
  if (side.size != m.rows) {
    fail(kName, side_name, "one entry for each of the " + std::to_string(m.rows) + " rows of " + matrix_name,
         std::to_string(side.size));
  }
}

// Infinities are allowed on one side: +1 for h and ub, -1 for lb.
void check_limit(const char* argument, VectorView v, std::size_t size, double side) {
  if (!v) return;
  if (v.size != size) fail(kName, argument, std::to_string(size) + " entries", std::to_string(v.size));
  for (std::size_t k = 0; k < size; ++k) {
    if (std::isnan(v[k]) || v[k] == -side * HUGE_VAL) {
      fail(kName, argument, side > 0.0 ? "numbers or +infinity" : "numbers or -infinity",
           number(v[k]) + " at " + position(k, 1, size));
    }
  }
}

void check_vector(const char* argument, VectorView v, std::size_t size) {
  if (!v) return;
  if (v.size != size) fail(kName, argument, std::to_string(size) + " entries", std::to_string(v.size));
  check_finite(kName, argument, v.data, 1, size);
}

void check_probabilities(VectorView p, std::size_t count) {
  check_vector("probabilities", p, count);
  double total = 0.0;
  for (std::size_t t = 0; t < p.size; ++t) {
    if (p[t] < 0.0) fail(kName, "probabilities", "numbers >= 0", number(p[t]) + " at " + position(t, 1, count));
    total += p[t];
  }
  if (p && !(total > 0.0 && std::isfinite(total))) fail(kName, "probabilities", "a positive sum", number(total));
}

void check_problem(const CvarProblem& v) {
  const std::size_t n = v.returns.cols;
  if (v.returns.rows == 0 || n == 0) {
    fail(kName, "returns", "at least one scenario of at least one asset", shape(v.returns.rows, n));
  }
  check_finite(kName, "returns", v.returns.data, v.returns.rows, n);
  check_probabilities(v.probabilities, v.returns.rows);
  if (!(v.confidence > 0.0 && v.confidence < 1.0)) {
    fail(kName, "confidence", "a number above 0 and below 1", number(v.confidence));
  }
  check_vector("q", v.q, n);
  check_matrix("G", v.G, "h", v.h, n);
  check_matrix("A", v.A, "b", v.b, n);
  check_limit("h", v.h, v.h.size, 1.0);
  check_vector("b", v.b, v.b.size);
  check_limit("lb", v.lb, n, -1.0);
  check_limit("ub", v.ub, n, 1.0);
}

}  // namespace

// No other device has this kernel: a named one must exist, and the CPU does the work.
CvarResult solve_cvar(const CvarProblem& problem, const CvarOptions& options) {
  check_problem(problem);
  check_vector("start", options.start, problem.returns.cols);
  if (!(options.tolerance > 0.0 && options.tolerance <= 1e-2)) {
    fail(kName, "tolerance", "a number above 0 and at most 0.01", number(options.tolerance));
  }
  if (options.max_iterations < 1) {
    fail(kName, "max_iterations", "at least 1", std::to_string(options.max_iterations));
  }
  const Choice choice = choose_backend(options.device, kName);
  CvarResult result = cpu_backend().solve_cvar(problem, options);
  result.device = choice.used;
  if (choice.used.name != "cpu")
    result.device = {"cpu", "mean-CVaR steps from vertex to vertex, which a GPU does not speed up"};
  return result;
}

}  // namespace portfolio
