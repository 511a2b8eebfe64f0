// Monte Carlo on the metal device against the CPU: the same draws, so the same answers to float32's rounding.
#include <algorithm>
#include <cstdio>
#include <cstring>

#include "check.hpp"
#include "portfolio/monte_carlo.hpp"

using namespace portfolio;

namespace {

struct Market {
  std::vector<double> mean, weights;
  Matrix covariance;

  explicit Market(std::size_t n) : mean(n), weights(n), covariance(n, n) {
    for (std::size_t i = 0; i < n; ++i) {
      mean[i] = 0.001 * static_cast<double>(i % 5);
      weights[i] = 0.9 / static_cast<double>(n);
      for (std::size_t j = 0; j < n; ++j) {
        const double si = 0.02 + 0.001 * static_cast<double>(i % 7), sj = 0.02 + 0.001 * static_cast<double>(j % 7);
        covariance(i, j) = (i == j ? 1.0 : 0.4) * si * sj;
      }
    }
  }
  SimulateResult run(SimulateOptions options, Device device) const {
    options.device = device;
    return simulate(view(mean), covariance.view(), view(weights), options);
  }
};

SimulateOptions narrow(std::size_t scenarios, std::size_t horizon, Distribution distribution, bool rebalanced) {
  SimulateOptions options;
  options.precision = Precision::float32;
  options.scenarios = scenarios;
  options.horizon = horizon;
  options.distribution = distribution;
  options.rebalanced = rebalanced;
  options.initial_value = 1000.0;
  options.keep_values = true;
  options.seed = 77;
  return options;
}

// docs/numerics/monte_carlo.md: 1e-6 of the volatility of the profit, plus 1e-7 of the mean's size.
void close(const SimulateResult& got, const SimulateResult& want) {
  const double near = 1e-6 * want.volatility + 1e-7 * std::fabs(want.mean);
  CHECK(got.device.name == "metal");
  CHECK(got.values.size() == want.values.size());
  double far = 0.0;
  for (std::size_t p = 0; p < want.values.size(); ++p) far = std::fmax(far, std::fabs(got.values[p] - want.values[p]));
  CHECK_NEAR(far, 0.0, 4.0 * near);  // the worst scenario is many deviations out
  for (const auto member : {&SimulateResult::mean, &SimulateResult::volatility, &SimulateResult::var,
                            &SimulateResult::cvar, &SimulateResult::mean_se}) {
    CHECK_NEAR(got.*member, want.*member, near);
  }
  // A standard error is a difference of order statistics over a few ranks' share: as exact as they are.
  CHECK_NEAR(got.var_se, want.var_se, near);
  CHECK_NEAR(got.cvar_se, want.cvar_se, near);
  for (std::size_t k = 0; k < want.quantiles.size(); ++k) {
    CHECK_NEAR(got.quantiles[k], want.quantiles[k], near);
    CHECK_NEAR(got.quantiles_se[k], want.quantiles_se[k], near);
  }
}

void agrees() {
  for (const std::size_t n : {1u, 2u, 17u, 33u}) {
    const Market market(n);
    for (const auto distribution : {Distribution::normal, Distribution::lognormal, Distribution::student_t}) {
      for (const bool rebalanced : {true, false}) {
        for (const std::size_t horizon : {1u, 6u}) {
          const SimulateOptions options = narrow(horizon == 1 ? 20001 : 1001, horizon, distribution, rebalanced);
          close(market.run(options, Device::metal), market.run(options, Device::cpu));
        }
      }
    }
  }
  for (const std::size_t scenarios : {2u, 3u, 31u, 32u, 33u}) {
    const SimulateOptions options = narrow(scenarios, 2, Distribution::normal, false);
    close(Market(3).run(options, Device::metal), Market(3).run(options, Device::cpu));
  }
}

// A path that does not fit one command buffer goes on in the next.
void long_horizons() {
  const Market market(20);
  for (const bool rebalanced : {true, false}) {
    const SimulateOptions options = narrow(40, 3000, Distribution::lognormal, rebalanced);
    close(market.run(options, Device::metal), market.run(options, Device::cpu));
  }
}

// With the identity for covariance, returns are the draws.
void draws_are_the_cpus() {
  for (const std::size_t n : {1u, 5u, 18u}) {
    Market market(n);
    market.mean.assign(n, 0.0);
    for (std::size_t k = 0; k < n * n; ++k) market.covariance.data[k] = k % (n + 1) == 0 ? 1.0 : 0.0;
    SimulateOptions options = narrow(3001, 1, Distribution::normal, true);
    options.keep_returns = true;
    const SimulateResult got = market.run(options, Device::metal);
    const Matrix want = standard_normals(options.seed, 0, 3001, 0, n, Precision::float32);
    CHECK(got.device.name == "metal");
    CHECK(got.returns.data == want.data);
    for (std::size_t p = 0; p < 3001; p += 100) {
      double value = 1.0;
      for (std::size_t i = 0; i < n; ++i) value += market.weights[i] * got.returns(p, i);
      CHECK_NEAR(got.values[p], 1000.0 * value, 1e-10);
    }
  }
}

long peak_kilobytes() {
  long peak = 0;
  char line[256];
  std::FILE* status = std::fopen("/proc/self/status", "r");
  while (status != nullptr && std::fgets(line, sizeof line, status) != nullptr) {
    if (std::strncmp(line, "VmHWM:", 6) == 0) std::sscanf(line + 6, "%ld", &peak);
  }
  if (status != nullptr) std::fclose(status);
  return peak;
}

// Several chunks: the same statistics, repeated bit for bit, and no memory that grows with the scenarios.
void chunks() {
  const Market market(2);
  SimulateOptions options = narrow((1u << 20) + 5, 1, Distribution::normal, true);
  options.keep_values = false;
  const SimulateResult first = market.run(options, Device::metal);
  const long before = peak_kilobytes();
  options.scenarios = 3u << 20;
  const SimulateResult got = market.run(options, Device::metal);
  const long grown = peak_kilobytes() - before;
  std::printf("peak memory %ld KiB, grown %ld KiB for 2 million scenarios more\n", before, grown);
  if (before > 0) CHECK(grown < 4096);  // an array of them would be 16384 KiB
  const SimulateResult want = market.run(options, Device::cpu);
  close(got, want);
  options.scenarios = (1u << 20) + 5;
  const SimulateResult again = market.run(options, Device::metal);
  CHECK(first.cvar == again.cvar && first.quantiles == again.quantiles && first.mean == again.mean);
}

// More equal values than are gathered: the histogram is narrowed to single floats.
void ties() {
  for (const double sigma : {0.0, 1e-9}) {
    Market market(1);
    market.mean = {0.01};
    market.weights = {1.0};
    market.covariance(0, 0) = sigma * sigma;
    const SimulateOptions options = narrow(300001, 1, Distribution::normal, true);
    const SimulateResult got = market.run(options, Device::metal);
    close(got, market.run(options, Device::cpu));
    std::vector<double> sorted = got.values;
    std::sort(sorted.begin(), sorted.end());
    CHECK_NEAR(got.quantiles[0], sorted[3000], 1e-9);  // level 0.01 of 300001 is an order statistic
    CHECK_NEAR(got.quantiles[3], sorted[150000], 1e-9);
  }
}

// What the GPU cannot do is done by the CPU, which says so.
void declines() {
  const Market market(2);
  SimulateOptions options = narrow(500, 1, Distribution::normal, true);
  options.precision = Precision::float64;
  SimulateResult result = market.run(options, Device::metal);
  CHECK(result.device.name == "cpu" && result.device.reason.find("float64") != std::string::npos);
  Market huge(1);
  huge.mean = {50.0};
  huge.weights = {1.0};
  options = narrow(500, 40, Distribution::normal, true);  // 51^40 is beyond float32
  result = huge.run(options, Device::metal);
  CHECK(result.device.name == "cpu" && result.device.reason.find("range") != std::string::npos);
  CHECK(std::isfinite(result.mean) && result.mean > 1e60);
  Market still(2);  // no variance: every value is the same
  std::fill(still.covariance.data.begin(), still.covariance.data.end(), 0.0);
  result = still.run(narrow(5000, 3, Distribution::normal, false), Device::metal);
  CHECK(result.device.name == "metal" && result.volatility < 1e-9);
  CHECK_NEAR(result.quantiles[0], result.quantiles.back(), 0.0);
}

}  // namespace

int main() {
  if (!available_devices()[1].available) {
    CHECK_THROWS(Market(2).run(narrow(10, 1, Distribution::normal, true), Device::metal),
                 "[simulate] device: expected");
    std::puts("no metal device in this build");
    return check::finish();
  }
  agrees();
  long_horizons();
  draws_are_the_cpus();
  chunks();
  ties();
  declines();
  return check::finish();
}
