#include <limits>
#include <random>

#include "check.hpp"
#include "portfolio/covariance.hpp"

using namespace portfolio;

namespace {

Matrix random_returns(std::size_t rows, std::size_t cols) {
  std::mt19937_64 engine(7);
  std::normal_distribution<double> normal(0.001, 0.02);
  Matrix m(rows, cols);
  for (double& v : m.data) v = normal(engine);
  return m;
}

void known_values() {
  // Two assets, three rows: means 2 and 4, deviations (-1, 0, 1) and (-2, 2, 0).
  const std::vector<double> data = {1, 2, 2, 6, 3, 4};
  const auto r = covariance(MatrixView{data.data(), 3, 2});
  CHECK_NEAR(r.mean[0], 2.0, 1e-15);
  CHECK_NEAR(r.mean[1], 4.0, 1e-15);
  CHECK_NEAR(r.covariance(0, 0), 1.0, 1e-15);
  CHECK_NEAR(r.covariance(0, 1), 1.0, 1e-15);
  CHECK_NEAR(r.covariance(1, 1), 4.0, 1e-15);
  CHECK_NEAR(r.effective_observations, 3.0, 0.0);
  CHECK(r.device.name == "cpu" && !r.device.reason.empty());
}

void properties() {
  const Matrix x = random_returns(40, 300);  // more assets than rows, more than one tile
  for (const auto method : {CovarianceMethod::sample, CovarianceMethod::ledoit_wolf, CovarianceMethod::oas}) {
    CovarianceOptions options;
    options.method = method;
    set_num_threads(1);
    const auto one = covariance(x.view(), options);
    set_num_threads(3);
    const auto three = covariance(x.view(), options);
    CHECK(one.covariance.data == three.covariance.data);
    bool symmetric = true;
    for (std::size_t i = 0; i < 300; ++i) {
      for (std::size_t j = 0; j < i; ++j) symmetric = symmetric && one.covariance(i, j) == one.covariance(j, i);
    }
    CHECK(symmetric);
    CHECK((one.shrinkage > 0.0) == (method != CovarianceMethod::sample));
    const std::vector<double> equal(40, 7.5);
    options.weights = view(equal);
    const auto weighted = covariance(x.view(), options);
    CHECK_NEAR(weighted.shrinkage, one.shrinkage, 1e-12);
    CHECK_NEAR(weighted.covariance(17, 290), one.covariance(17, 290), 1e-17);
  }
}

void float_input() {
  const Matrix x = random_returns(100, 5);
  const std::vector<float> narrow(x.data.begin(), x.data.end());
  const std::vector<double> same(narrow.begin(), narrow.end());
  const auto a = covariance(BasicMatrixView<float>{narrow.data(), 100, 5});
  const auto b = covariance(MatrixView{same.data(), 100, 5});
  CHECK(a.covariance.data == b.covariance.data);
}

void errors() {
  Matrix x = random_returns(5, 2);
  CovarianceOptions options;
  CHECK_THROWS(covariance(MatrixView{x.data.data(), 1, 2}), "[covariance] returns: expected at least 2 observations");
  options.ddof = 5.0;
  CHECK_THROWS(covariance(x.view(), options), "ddof: expected less than the 5 effective observations, got 5");
  options = {};
  options.method = CovarianceMethod::exponential;
  CHECK_THROWS(covariance(x.view(), options), "halflife: expected a positive number");
  options = {};
  std::vector<double> weights = {1, 1, 1, 1};
  options.weights = view(weights);
  CHECK_THROWS(covariance(x.view(), options), "weights: expected one for each of the 5 observations, got 4");
  weights = {1, 1, -1, 1, 1};
  options.weights = view(weights);
  CHECK_THROWS(covariance(x.view(), options), "got -1 at [2]");
  weights = {0, 0, 3, 0, 0};
  CHECK_THROWS(covariance(x.view(), options), "at least 2 positive weights, got 1");
  x(3, 1) = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS(covariance(x.view()), "returns: expected finite numbers, got nan at [3, 1]");
  options = {};
  options.device = Device::metal;
  x(3, 1) = 0.0;
  if (!available_devices()[1].available) CHECK_THROWS(covariance(x.view(), options), "[covariance] device:");
}

}  // namespace

int main() {
  known_values();
  properties();
  float_input();
  errors();
  return check::finish();
}
