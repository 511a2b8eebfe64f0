#include <bit>

#include "check.hpp"
#include "portfolio/monte_carlo.hpp"

using namespace portfolio;

namespace {

// Random123 1.14, tests/kat_vectors, philox4x32 with 10 rounds.
void known_answers() {
  using Counter = std::array<std::uint32_t, 4>;
  CHECK((philox4x32_10({0, 0, 0, 0}, {0, 0}) == Counter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr std::uint32_t all = 0xffffffff;
  CHECK((philox4x32_10({all, all, all, all}, {all, all}) == Counter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  CHECK((philox4x32_10({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
         Counter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

// FNV-1a over the bits: a change of one bit on any machine or instruction level fails.
std::uint64_t fingerprint(Precision precision) {
  const Matrix z = standard_normals(20240824, (1ull << 32) - 1000, 2048, 3, 7, precision);
  std::uint64_t hash = 1469598103934665603ull;
  for (const double v : z.data) hash = (hash ^ std::bit_cast<std::uint64_t>(v)) * 1099511628211ull;
  return hash;
}

void golden_bits() {
  CHECK(fingerprint(Precision::float32) == 0xfd61fd3dfcd7a383ull);
  CHECK(fingerprint(Precision::float64) == 0xd532a27a8efed066ull);
}

// A draw does not depend on what else is drawn with it.
void counters() {
  for (const auto precision : {Precision::float32, Precision::float64}) {
    const Matrix all = standard_normals(5, 0, 700, 2, 9, precision);
    const Matrix part = standard_normals(5, 600, 3, 2, 5, precision);
    for (std::size_t p = 0; p < 3; ++p) {
      for (std::size_t k = 0; k < 5; ++k) CHECK(part(p, k) == all(600 + p, k));
    }
    double sum = 0.0, squares = 0.0, cubes = 0.0;
    const Matrix many = standard_normals(9, 0, 100000, 0, 10, precision);
    for (const double v : many.data) {
      sum += v;
      squares += v * v;
      cubes += v * v * v;
    }
    CHECK_NEAR(sum / 1e6, 0.0, 4e-3);
    CHECK_NEAR(squares / 1e6, 1.0, 6e-3);
    CHECK_NEAR(cubes / 1e6, 0.0, 1.6e-2);
  }
}

void threads() {
  const std::vector<double> mean = {0.01, 0.02}, weights = {0.6, 0.3}, covariance = {0.04, 0.03, 0.03, 0.09};
  SimulateOptions options;
  options.scenarios = 3001;
  options.horizon = 3;
  options.keep_values = options.keep_returns = true;
  for (const auto precision : {Precision::float64, Precision::float32}) {
    options.precision = precision;
    set_num_threads(1);
    const auto one = simulate(view(mean), {covariance.data(), 2, 2}, view(weights), options);
    set_num_threads(4);
    const auto four = simulate(view(mean), {covariance.data(), 2, 2}, view(weights), options);
    CHECK(one.values == four.values && one.returns.data == four.returns.data && one.cvar == four.cvar);
    CHECK(one.values.size() == 3001 && one.returns.rows == 3001);
  }
  options.horizon = 1;
  options.precision = Precision::float64;
  const auto r = simulate(view(mean), {covariance.data(), 2, 2}, view(weights), options);
  for (std::size_t p = 0; p < 3001; p += 500) {
    CHECK_NEAR(r.values[p], 1.0 + 0.6 * r.returns(p, 0) + 0.3 * r.returns(p, 1), 1e-15);
  }
}

// float32 lognormal returns are exp - 1 of the draws, small ones as accurate as large ones, down to -1.
void lognormal_returns() {
  for (const double sigma : {1e-4, 0.2, 8.0}) {
    const std::vector<double> mean = {0.0}, weights = {1.0}, covariance = {sigma * sigma};
    SimulateOptions options;
    options.scenarios = 4000;
    options.distribution = Distribution::lognormal;
    options.precision = Precision::float32;
    options.keep_returns = true;
    const Matrix returns = simulate(view(mean), {covariance.data(), 1, 1}, view(weights), options).returns;
    const Matrix z = standard_normals(0, 0, 4000, 0, 1, Precision::float32);
    const double variance = std::log1p(sigma * sigma), deviation = std::sqrt(variance);
    for (std::size_t p = 0; p < 4000; ++p) {
      const double log_return = deviation * z(p, 0) - 0.5 * variance, want = std::expm1(log_return);
      CHECK_NEAR(returns(p, 0), want, 3e-7 * (std::fabs(want) + (1.0 + want) * (variance + deviation * 5.0)));
    }
  }
}

// A history of one row follows that row; more rows take turns when blocks are endless.
void history() {
  const std::vector<double> weights = {0.5, 0.5}, rows = {0.1, 0.3, -0.2, 0.0, 0.1, -0.1};
  SimulateOptions options;
  options.scenarios = 600;
  options.horizon = 3;
  options.block_length = 1e12;
  options.keep_values = options.keep_returns = true;
  const auto r = simulate_bootstrap({rows.data(), 3, 2}, view(weights), options);
  double seen[3] = {};
  for (std::size_t p = 0; p < 600; ++p) {
    CHECK_NEAR(r.values[p], 1.0 + 0.5 * (1.1 * 0.8 * 1.1 - 1.0) + 0.5 * (1.3 * 1.0 * 0.9 - 1.0), 1e-14);
    for (std::size_t k = 0; k < 3; ++k) seen[k] += r.returns(p, 1) == rows[2 * k + 1] ? 1.0 : 0.0;
  }
  for (const double count : seen) CHECK_NEAR(count, 200.0, 52.0);  // 4.5 deviations
  CHECK_THROWS(simulate_bootstrap({rows.data(), 1, 2}, view(weights), options), "returns: expected 2 to 2^31 - 1");
}

void sobol() {
  const std::vector<double> mean = {0.0}, weights = {1.0}, covariance = {1.0};
  SimulateOptions options;
  options.scenarios = 8;
  options.sampling = Sampling::sobol;
  options.scramble = false;
  options.keep_returns = true;
  const auto bare = simulate(view(mean), {covariance.data(), 1, 1}, view(weights), options);
  CHECK_NEAR(bare.returns(1, 0), 0.0, 1e-9);                   // 1/2
  CHECK_NEAR(bare.returns(2, 0), 0.6744897501960817, 1e-9);    // 3/4
  CHECK_NEAR(bare.returns(3, 0), -0.6744897501960817, 1e-9);   // 1/4
  CHECK_NEAR(bare.returns(4, 0), -0.31863936396437514, 1e-9);  // 3/8
  options.horizon = 1112;
  CHECK_THROWS(simulate(view(mean), {covariance.data(), 1, 1}, view(weights), options), "at most 1111 dimensions");
}

void interrupted() {
  const std::vector<double> mean = {0.0}, weights = {1.0}, covariance = {1.0};
  CancelToken token;
  token.cancel();
  SimulateOptions options;
  options.interrupt.token = &token;
  bool thrown = false;
  try {
    simulate(view(mean), {covariance.data(), 1, 1}, view(weights), options);
  } catch (const Interrupted& error) {
    thrown = error.cancelled();
  }
  CHECK(thrown);
}

void errors() {
  const std::vector<double> mean = {0.0, 0.0}, weights = {0.5, 0.5}, good = {1, 0, 0, 1};
  const auto run = [&](const std::vector<double>& c, const SimulateOptions& o) {
    return simulate(view(mean), {c.data(), 2, 2}, view(weights), o);
  };
  SimulateOptions options;
  CHECK_THROWS(run({1, 2, 2, 1}, options), "[simulate] covariance: expected a positive semidefinite matrix");
  CHECK_THROWS(run({0, 0.1, 0.1, 1}, options), "beside a variance of zero");
  CHECK_THROWS(simulate({mean.data(), 1}, {good.data(), 2, 2}, view(weights)), "mean: expected one for each of the 2");
  options.scenarios = 1;
  CHECK_THROWS(run(good, options), "scenarios: expected at least 2, got 1");
  options = {};
  options.degrees_of_freedom = 2;
  CHECK_THROWS(run(good, options), "degrees_of_freedom");
  options = {};
  options.quantile_levels = {0.5, 1.0};
  CHECK_THROWS(run(good, options), "quantiles: expected levels between 0 and 1, got 1");
}

}  // namespace

int main() {
  known_answers();
  golden_bits();
  counters();
  threads();
  lognormal_returns();
  history();
  sobol();
  interrupted();
  errors();
  return check::finish();
}
