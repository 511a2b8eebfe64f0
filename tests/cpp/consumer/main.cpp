// Least variance of three assets, fully invested and long only; exit 0 when the answer is the known one.
#include <cmath>
#include <cstdio>
#include <portfolio/qp.hpp>

int main() {
  const std::vector<double> variance{0.04, 0, 0, 0, 0.01, 0, 0, 0, 0.02}, zero(3, 0.0), one(3, 1.0), budget{1.0};
  portfolio::QpProblem problem;
  problem.P = {variance.data(), 3, 3};
  problem.q = portfolio::view(zero);
  problem.A = {one.data(), 1, 3};
  problem.b = portfolio::view(budget);
  problem.lb = portfolio::view(zero);
  const portfolio::QpResult result = portfolio::solve_qp(problem);
  for (double weight : result.x) std::printf("%.6f\n", weight);
  std::printf("%s on %s\n", portfolio::to_string(result.status), result.device.name.c_str());
  // Uncorrelated: weights are as the inverse variances, 25 : 100 : 50.
  const double want[] = {1.0 / 7, 4.0 / 7, 2.0 / 7};
  for (int i = 0; i < 3; ++i)
    if (!(std::fabs(result.x[i] - want[i]) < 1e-8)) return 1;
  return result.status == portfolio::QpStatus::optimal ? 0 : 1;
}
