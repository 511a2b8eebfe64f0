// Returns of a seeded factor model, as all benchmarks use them: daily volatilities near 2 %, one market, five sectors.
#pragma once

#include <benchmark/benchmark.h>

#include <portfolio/covariance.hpp>
#include <random>

namespace bench {

inline portfolio::Matrix returns(std::size_t observations, std::size_t assets) {
  std::mt19937_64 engine(7);
  std::normal_distribution<double> normal;
  portfolio::Matrix result(observations, assets);
  for (std::size_t t = 0; t < observations; ++t) {
    const double market = 0.009 * normal(engine);
    double sectors[5];
    for (double& sector : sectors) sector = 0.006 * normal(engine);
    for (std::size_t i = 0; i < assets; ++i) {
      const double beta = 0.6 + 0.8 * static_cast<double>(i % 7) / 6;
      result(t, i) = 0.0003 + beta * market + sectors[i % 5] + (0.008 + 0.001 * (i % 11)) * normal(engine);
    }
  }
  return result;
}

// Annual moments from five years of days, so that the matrix has full rank up to 1260 assets.
struct Moments {
  std::vector<double> mean;
  portfolio::Matrix covariance;
};

inline Moments moments(std::size_t assets) {
  const portfolio::Matrix observed = returns(1260, assets);
  portfolio::CovarianceOptions options;
  options.method = portfolio::CovarianceMethod::ledoit_wolf;
  options.device = portfolio::Device::cpu;  // the same problem for every device
  const auto estimate = portfolio::covariance(observed.view(), options);
  Moments result{estimate.mean, estimate.covariance};
  for (double& value : result.mean) value *= 252;
  for (double& value : result.covariance.data) value *= 252;
  return result;
}

// A row says where it was really computed, and why when that was not the device asked for.
inline void computed_on(benchmark::State& state, const portfolio::DeviceUsed& used) {
  const bool asked = used.reason == "default" || used.reason == "requested";
  state.SetLabel(asked ? used.name : used.name + ": " + used.reason);
}

// What one iteration does, as so much a second: rate(state, "GFLOP/s", 1e-9 * operations).
inline void rate(benchmark::State& state, const char* unit, double per_iteration) {
  state.counters[unit] =
      benchmark::Counter(per_iteration * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

}  // namespace bench
