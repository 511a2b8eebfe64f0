// Correlated Monte Carlo of a portfolio: every scenario and step draws all n asset returns.
#pragma once

#include <array>
#include <cstdint>

#include "portfolio/device.hpp"
#include "portfolio/interrupt.hpp"
#include "portfolio/matrix.hpp"

namespace portfolio {

// Philox4x32-10 (Salmon et al. 2011), exposed for its known-answer test.
std::array<std::uint32_t, 4> philox4x32_10(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

// normal: R = mean + Cholesky x z. student_t: multivariate, one chi-squared a scenario and step for all assets.
// lognormal: log(1 + R) is normal. In all three R has the given mean and covariance.
enum class Distribution { normal, lognormal, student_t };
enum class Precision { float64, float32 };

// random: Philox. sobol: points of a scrambled Sobol sequence, one dimension for each step and factor of the
// covariance; scenario p is point p, so a power of two of them is best.
enum class Sampling { random, sobol };

struct SimulateOptions {
  std::size_t horizon = 1;  // steps; 1 is the one-period model
  std::size_t scenarios = 100000;
  std::uint64_t seed = 0;
  Distribution distribution = Distribution::normal;
  int degrees_of_freedom = 5;            // student_t only, >= 3
  Sampling sampling = Sampling::random;  // simulate only; student_t is random
  bool scramble = true;       // sobol only: nested uniform scrambling by `seed`; false takes the bare sequence
  double block_length = 1.0;  // simulate_bootstrap only: mean number of rows in a row, >= 1
  Precision precision = Precision::float64;
  bool rebalanced = false;  // true: back to `weights` every step; false: buy and hold
  double initial_value = 1.0;
  double confidence = 0.95;
  // Levels in (0, 1).
  std::vector<double> quantile_levels = {0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99};
  bool keep_values = false;   // terminal value of every scenario
  bool keep_returns = false;  // every asset return of the first step, scenarios x n
  Interrupt interrupt{};      // looked at between blocks of scenarios; throws Interrupted
  Device device = Device::automatic;
};

struct SimulateResult {
  double mean = 0.0, volatility = 0.0;  // of the profit or loss over the horizon, money
  double var = 0.0, cvar = 0.0;         // money, negative is a loss
  double mean_se = 0.0, var_se = 0.0, cvar_se = 0.0;
  std::vector<double> quantiles, quantiles_se;  // of the terminal value
  std::vector<double> values;
  Matrix returns;
  std::uint64_t seed = 0;
  DeviceUsed device;
};

// Per-step mean (n), covariance (n x n, positive semidefinite) and weights (n; what they leave is cash at zero return).
SimulateResult simulate(VectorView mean, MatrixView covariance, VectorView weights,
                        const SimulateOptions& options = {});

// Scenarios from history (observations x n, simple returns of one step): the stationary bootstrap of Politis and Romano
// 1994. `distribution`, `degrees_of_freedom` and `sampling` are not used. Always on the CPU.
SimulateResult simulate_bootstrap(MatrixView history, VectorView weights, const SimulateOptions& options = {});

// The standard normals of steps and paths first_path .. first_path + paths, paths x count: what simulate draws. The
// float32 stream is another one than the float64 stream; its values are exact in the doubles returned.
Matrix standard_normals(std::uint64_t seed, std::uint64_t first_path, std::size_t paths, std::uint32_t step,
                        std::size_t count, Precision precision);

}  // namespace portfolio
