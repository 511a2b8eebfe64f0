// What the tests of quadratic programs share: draws, a program that owns its numbers, options by method.
#pragma once

#include <random>
#include <vector>

#include "portfolio/qp.hpp"

// Uniform in [0, 1), the same on every platform.
class Draws {
 public:
  explicit Draws(unsigned seed) : random_(seed) {}
  double operator()() { return static_cast<double>(random_() >> 11) / 9007199254740992.0; }

 private:
  std::mt19937_64 random_;
};

// n weights within bounds that sum to one; objective and bounds are the test's to fill.
struct Program {
  std::size_t n;
  portfolio::Matrix P, A;
  std::vector<double> q, b{1.0}, lb, ub;

  Program(std::size_t assets, double most)
      : n(assets), P(assets, assets), A(1, assets, 1.0), q(assets), lb(assets, 0.0), ub(assets, most) {}

  portfolio::QpProblem problem() const {
    portfolio::QpProblem out;
    out.P = P.view();
    out.q = portfolio::view(q);
    out.A = A.view();
    out.b = portfolio::view(b);
    out.lb = portfolio::view(lb);
    out.ub = portfolio::view(ub);
    return out;
  }
};

inline portfolio::QpOptions interior() {
  portfolio::QpOptions out;
  out.method = portfolio::QpMethod::interior_point;
  return out;
}
