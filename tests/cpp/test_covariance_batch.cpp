// A batch is the loop, bit for bit, for any number of threads.
#include <limits>
#include <random>

#include "check.hpp"
#include "portfolio/covariance.hpp"

using namespace portfolio;

namespace {

Matrix random_returns(std::size_t rows, std::size_t cols) {
  std::mt19937_64 engine(rows * 1000 + cols);
  std::normal_distribution<double> normal(0.001, 0.02);
  Matrix m(rows, cols);
  for (double& v : m.data) v = normal(engine);
  return m;
}

std::vector<MatrixView> views(const std::vector<Matrix>& matrices) {
  std::vector<MatrixView> out;
  for (const Matrix& m : matrices) out.push_back(m.view());
  return out;
}

void equals_the_loop() {
  std::vector<Matrix> universes;
  for (const std::size_t n : {1u, 31u, 300u, 5u, 257u, 64u}) universes.push_back(random_returns(40, n));
  std::vector<double> weights(40);
  for (std::size_t t = 0; t < 40; ++t) weights[t] = static_cast<double>(t % 7);
  for (const auto method : {CovarianceMethod::sample, CovarianceMethod::exponential, CovarianceMethod::ledoit_wolf,
                            CovarianceMethod::oas}) {
    CovarianceOptions options;
    options.method = method;
    options.halflife = 9.0;
    options.weights = view(weights);
    for (const std::size_t threads : {1u, 4u}) {
      set_num_threads(threads);
      const auto batch = covariance_batch(views(universes), options);
      CHECK(batch.size() == universes.size());
      for (std::size_t k = 0; k < universes.size(); ++k) {
        const auto alone = covariance(universes[k].view(), options);
        CHECK(batch[k].covariance.data == alone.covariance.data && batch[k].mean == alone.mean);
        CHECK(batch[k].shrinkage == alone.shrinkage);
        CHECK(batch[k].effective_observations == alone.effective_observations);
        CHECK(batch[k].device.name == "cpu" && !batch[k].device.reason.empty());
      }
    }
  }
}

void errors() {
  std::vector<Matrix> universes = {random_returns(5, 2), random_returns(6, 3)};
  CHECK(covariance_batch({}).empty());
  CovarianceOptions options;
  const std::vector<double> weights = {1, 1, 1, 1, 1};
  options.weights = view(weights);
  CHECK_THROWS(covariance_batch(views(universes), options),
               "[covariance_batch] weights: expected one for each of the 6 observations, got 5");
  universes[1](2, 1) = std::numeric_limits<double>::infinity();
  CHECK_THROWS(covariance_batch(views(universes)),
               "[covariance_batch] returns[1]: expected finite numbers, got inf at [2, 1]");
}

}  // namespace

int main() {
  equals_the_loop();
  errors();
  return check::finish();
}
