#include <random>

#include "check.hpp"
#include "portfolio/risk_parity.hpp"

using namespace portfolio;

namespace {

// Largest |w_i (Sigma w)_i / w'Sigma w - b_i|, from the weights alone.
double recomputed_error(const Matrix& sigma, const RiskParityResult& r, const std::vector<double>& budgets) {
  const std::size_t n = sigma.rows;
  std::vector<double> share(n, 0.0);
  double variance = 0.0, total = 0.0, worst = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) share[i] += r.weights[i] * sigma(i, j) * r.weights[j];
    variance += share[i];
    total += budgets[i];
  }
  for (std::size_t i = 0; i < n; ++i) worst = std::fmax(worst, std::fabs(share[i] / variance - budgets[i] / total));
  return worst;
}

void random_problems() {
  std::mt19937_64 engine(11);
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> exponent(-6.0, 0.0), unit(-10.0, 6.0);
  for (const std::size_t n : {1u, 2u, 5u, 30u, 120u}) {
    Matrix sigma(n, n);
    std::vector<double> rows(2 * n * n), scale(n), budgets(n);
    for (double& v : rows) v = normal(engine);
    for (std::size_t i = 0; i < n; ++i) {
      scale[i] = std::pow(10.0, unit(engine));
      budgets[i] = std::pow(10.0, exponent(engine));
    }
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        for (std::size_t t = 0; t < 2 * n; ++t) sigma(i, j) += rows[t * n + i] * rows[t * n + j];
        sigma(i, j) *= scale[i] * scale[j];
      }
    }
    RiskParityOptions options;
    options.budgets = view(budgets);
    const auto r = risk_parity(sigma.view(), options);
    CHECK(r.status == RiskParityStatus::optimal);
    CHECK(recomputed_error(sigma, r, budgets) < 1e-9);
    double total = 0.0, contributions = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
      total += r.weights[i];
      contributions += r.risk_contributions[i];
      CHECK(r.weights[i] > 0.0);
    }
    CHECK_NEAR(total, 1.0, 1e-13);
    CHECK_NEAR(contributions / r.volatility, 1.0, 1e-9);
  }
}

void batch_is_the_loop_for_any_number_of_threads() {
  std::mt19937_64 engine(3);
  std::uniform_real_distribution<double> loading(-0.3, 0.9), budget(0.1, 1.0);
  std::vector<Matrix> matrices;
  std::vector<std::vector<double>> budgets;
  for (std::size_t n = 1; n < 12; ++n) {
    std::vector<double> beta(n);
    for (double& v : beta) v = loading(engine);
    Matrix& sigma = matrices.emplace_back(n, n);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) sigma(i, j) = i == j ? 1.0 : beta[i] * beta[j];
    }
    budgets.emplace_back(n);
    for (double& v : budgets.back()) v = budget(engine);
  }
  std::vector<RiskParityProblem> problems;
  for (std::size_t k = 0; k < matrices.size(); ++k) problems.push_back({matrices[k].view(), view(budgets[k])});
  problems.push_back({matrices[5].view(), {}});  // shared, with equal budgets
  for (const std::size_t threads : {1, 2, 4}) {
    set_num_threads(threads);
    const std::vector<RiskParityResult> batch = risk_parity_batch(problems);
    CHECK(batch.size() == problems.size());
    for (std::size_t k = 0; k < problems.size(); ++k) {
      RiskParityOptions options;
      options.budgets = problems[k].budgets;
      const RiskParityResult alone = risk_parity(problems[k].covariance, options);
      CHECK(batch[k].weights == alone.weights && batch[k].iterations == alone.iterations);
      CHECK(batch[k].status == RiskParityStatus::optimal && !batch[k].device.reason.empty());
    }
  }
  CHECK(risk_parity_batch({}).empty());
  RiskParityOptions options;
  options.budgets = view(budgets[0]);
  CHECK_THROWS(risk_parity_batch(problems, options), "[risk_parity_batch] options.budgets: expected nothing");
}

}  // namespace

int main() {
  random_problems();
  batch_is_the_loop_for_any_number_of_threads();
  const std::vector<double> hedged = {1, -1, 0, -1, 1, 0, 0, 0, 1};
  CHECK(risk_parity(MatrixView{hedged.data(), 3, 3}).status == RiskParityStatus::zero_risk);
  const std::vector<double> indefinite = {1, -.9, -.9, -.9, 1, -.9, -.9, -.9, 1};
  CHECK(risk_parity(MatrixView{indefinite.data(), 3, 3}).status == RiskParityStatus::not_psd);
  RiskParityOptions options;
  options.max_iterations = 1;
  const std::vector<double> plain = {1, .5, .1, .5, 4, .2, .1, .2, 9};
  CHECK(risk_parity(MatrixView{plain.data(), 3, 3}, options).status == RiskParityStatus::max_iterations);
  CHECK(std::string(to_string(RiskParityStatus::rounding_limit)) == "rounding_limit");
  const std::vector<double> flat = {1, 0, 0, 0};
  CHECK_THROWS(risk_parity(MatrixView{flat.data(), 2, 2}), "[risk_parity] covariance: expected positive variances");
  const std::vector<double> zero = {1, 0, 1};
  options.budgets = view(zero);
  CHECK_THROWS(risk_parity(MatrixView{plain.data(), 3, 3}, options), "got 0 at [1]");
  options.budgets = {zero.data(), 2};
  CHECK_THROWS(risk_parity(MatrixView{plain.data(), 3, 3}, options), "one for each of the 3 assets, got 2");
  return check::finish();
}
