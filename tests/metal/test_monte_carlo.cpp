// The shaders of Monte Carlo on the emulator: draws bit for bit those of the CPU, paths against float64.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "check.hpp"
#include "emulator.hpp"
#include "normals_kernel.hpp"
#include "params.h"

namespace {

using Uint2 = std::array<std::uint32_t, 2>;
using Uint4 = std::array<std::uint32_t, 4>;
using Pair = std::array<float, 2>;

constexpr std::uint32_t kThreads = 64;

// Of one path, the first of its strip.
std::vector<float> normals_of(const portfolio::DrawRange& range, std::size_t count) {
  std::vector<float> strip((count + portfolio::kDrawsRound) * portfolio::kStrip), out(count);
  normals32(range, count, strip.data());
  for (std::size_t k = 0; k < count; ++k) out[k] = strip[k * portfolio::kStrip];
  return out;
}
float chi_squared_of(const portfolio::DrawRange& range, std::uint32_t degrees) {
  float strip[portfolio::kStrip];
  chi_squared32(range, static_cast<int>(degrees), strip);
  return strip[0];
}

emulator::Launch over(std::size_t count, std::vector<emulator::Argument> arguments, std::uint32_t rows = 1) {
  const auto groups = static_cast<std::uint32_t>((count + kThreads - 1) / kThreads);
  return {std::move(arguments), {groups, rows, 1}, {kThreads, 1, 1}, {}};
}

// Philox of the shader; Random123 1.14, tests/kat_vectors, philox4x32 with 10 rounds.
void known_answers() {
  constexpr std::uint32_t all = 0xffffffff;
  std::vector<Uint4> counters = {{0, 0, 0, 0}, {all, all, all, all}, {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}};
  std::vector<Uint2> keys = {{0, 0}, {all, all}, {0xa4093822, 0x299f31d0}};
  const std::vector<Uint4> answers = {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
                                      {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
                                      {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}};
  std::vector<Uint4> out(3);
  const std::uint32_t count = 3;
  emulator::dispatch("probe_philox", over(3, {emulator::buffer(counters), emulator::buffer(keys), emulator::buffer(out),
                                              emulator::value(count)}));
  CHECK(out == answers);
}

std::uint32_t word(std::mt19937& random) { return static_cast<std::uint32_t>(random()); }

bool same_bits(float a, float b) { return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b); }

// Words at both ends, at every power of two and around the eighths of a turn, with one another; then random ones.
std::vector<Uint2> interesting_words() {
  std::vector<std::uint32_t> words;
  for (std::uint32_t bit = 0; bit < 32; ++bit) {
    for (const std::uint32_t offset : {0u, 1u, ~0u}) words.push_back((1u << bit) + offset);
  }
  for (std::uint32_t eighth = 0; eighth < 8; ++eighth) {
    for (const std::uint32_t offset : {0u, 255u, 256u, ~0u}) words.push_back((eighth << 29) + offset);
  }
  std::vector<Uint2> out;
  for (const std::uint32_t a : words) {
    for (const std::uint32_t b : words) out.push_back({a, b});
  }
  std::mt19937 random(1);
  while (out.size() < 60000) out.push_back({word(random), word(random)});
  return out;
}

void transform_is_the_cpus() {
  const std::vector<Uint2> bits = interesting_words();
  const auto count = static_cast<std::uint32_t>(bits.size());
  std::vector<Pair> out(count);
  emulator::dispatch("probe_box_muller",
                     over(count, {emulator::buffer(bits), emulator::buffer(out), emulator::value(count)}));
  std::size_t different = 0;
  for (std::size_t k = 0; k < count; ++k) {
    float first, second;
    box_muller32(bits[k][0], bits[k][1], first, second);
    different += same_bits(first, out[k][0]) && same_bits(second, out[k][1]) ? 0 : 1;
  }
  CHECK(different == 0);
}

void counters_are_the_cpus() {
  std::mt19937 random(2);
  std::vector<Uint4> counters = {{0, 0, 0, 0}, {~0u, ~0u, ~0u, (1u << 30) - 1}, {~0u, 0, 1u << 31, 0}, {0, 1, 0, 0}};
  while (counters.size() < 2001) counters.push_back({word(random), word(random), word(random), word(random) >> 2});
  std::vector<Uint2> keys(counters.size());
  for (auto& key : keys) key = {word(random), word(random)};
  for (const std::uint32_t degrees : {3u, 4u, 5u, 1000u}) {
    const std::uint32_t count = degrees == 1000u ? 33u : static_cast<std::uint32_t>(counters.size());
    std::vector<std::array<float, 4>> normals(count);
    std::vector<float> chi(count);
    emulator::dispatch("probe_draws",
                       over(count, {emulator::buffer(counters), emulator::buffer(keys), emulator::buffer(normals),
                                    emulator::buffer(chi), emulator::value(Uint2{count, degrees})}));
    std::size_t different = 0;
    for (std::size_t k = 0; k < count; ++k) {
      const std::uint64_t path = counters[k][0] | std::uint64_t{counters[k][1]} << 32;
      const portfolio::DrawRange range{keys[k][0] | std::uint64_t{keys[k][1]} << 32, path, counters[k][2]};
      const PhiloxBlock x =
          philox({counters[k][0], counters[k][1], counters[k][2], counters[k][3] | kNormal32}, keys[k][0], keys[k][1]);
      float z[4];
      box_muller32(x.x0, x.x1, z[0], z[1]);
      box_muller32(x.x2, x.x3, z[2], z[3]);
      bool same = same_bits(chi_squared_of(range, degrees), chi[k]);
      for (std::size_t i = 0; i < 4; ++i) same = same && same_bits(z[i], normals[k][i]);
      different += same ? 0 : 1;
    }
    CHECK(different == 0);
  }
}

void exponentials_are_the_cpus() {
  std::vector<float> x = {0.0f, -0.0f, 1e-30f, -1e-30f, 88.7f, 88.73f, 89.0f, 200.0f, -16.0f, -17.5f, -25.0f, -1000.0f};
  std::mt19937 random(3);
  std::uniform_real_distribution<float> uniform(-2.0f, 2.0f);
  while (x.size() < 5000) x.push_back(uniform(random) * (x.size() % 3 == 0 ? 30.0f : 0.2f));
  const auto count = static_cast<std::uint32_t>(x.size());
  std::vector<float> out(count);
  emulator::dispatch("probe_exp_less_one",
                     over(count, {emulator::buffer(x), emulator::buffer(out), emulator::value(count)}));
  std::size_t different = 0, far = 0;
  for (std::size_t k = 0; k < count; ++k) {
    different += same_bits(out[k], expm1_32(x[k])) ? 0 : 1;
    const double want = std::expm1(static_cast<double>(x[k]));
    far +=
        want > 3.4e38 ? (std::isinf(out[k]) ? 0 : 1) : (std::fabs(out[k] - want) <= 2.5e-7 * std::fabs(want) ? 0 : 1);
  }
  CHECK(different == 0);
  CHECK(far == 0);
}

// A model in the layout of the shader, and what float64 makes of the same draws.
struct Case {
  SimulateParams p{};
  std::uint32_t width;
  std::vector<float> mean, factor;
  std::vector<Pair> weights;

  Case(std::uint32_t assets, std::uint32_t rank) {
    p.seed_low = 7, p.seed_high = 9, p.path_low = ~0u - 20, p.path_high = 3;  // the paths pass 2^32
    p.assets = assets, p.quads = std::min((assets + 3) / 4, 4u), width = 4 * p.quads;
    p.tiles = (assets + width - 1) / width, p.blocks = (rank + 3) / 4;
    mean.assign(p.tiles * width, 0.0f);
    weights.assign(p.tiles * width, {0.0f, 0.0f});
    factor.assign(std::max(p.tiles * width * p.blocks * 4, 4u), 0.0f);
    std::mt19937 random(assets * 31 + rank);
    std::normal_distribution<float> normal;
    for (std::uint32_t a = 0; a < assets; ++a) {
      mean[a] = 0.01f * normal(random);
      weights[a] = {1.0f / static_cast<float>(assets), 1e-9f};
      for (std::uint32_t k = 0; k < rank; ++k) at(a, k) = 0.05f * normal(random);
    }
  }
  float& at(std::uint32_t asset, std::uint32_t k) {
    return factor[(asset / width * p.blocks * 4 + k) * width + asset % width];
  }
  emulator::Argument params() const { return emulator::value(p); }

  std::vector<double> returns(std::uint32_t path, std::uint32_t step) {
    const std::uint64_t seed = p.seed_low | std::uint64_t{p.seed_high} << 32;
    const portfolio::DrawRange range{seed, (p.path_low | std::uint64_t{p.path_high} << 32) + path, step};
    const std::vector<float> z = normals_of(range, p.blocks * 4);
    double scale = 1.0;
    if (p.degrees > 0) {
      scale = std::sqrt((p.degrees - 2.0) / chi_squared_of(range, p.degrees));
    }
    std::vector<double> out(p.assets);
    for (std::uint32_t a = 0; a < p.assets; ++a) {
      for (std::uint32_t k = 0; k < z.size(); ++k) out[a] += scale * z[k] * at(a, k);
      out[a] += mean[a];
      if (p.lognormal > 0) out[a] = std::expm1(out[a]);
    }
    return out;
  }
  double profit(std::uint32_t path, bool rebalanced) {
    std::vector<double> growth(p.assets, 1.0);
    double value = 1.0, held = 0.0;
    for (std::uint32_t step = 0; step < p.horizon; ++step) {
      const std::vector<double> r = returns(path, step);
      double earned = 0.0;
      for (std::uint32_t a = 0; a < p.assets; ++a) {
        earned += (static_cast<double>(weights[a][0]) + static_cast<double>(weights[a][1])) * r[a];
        growth[a] *= 1.0 + r[a];
      }
      value *= 1.0 + earned;
    }
    for (std::uint32_t a = 0; a < p.assets; ++a) {
      held += (static_cast<double>(weights[a][0]) + static_cast<double>(weights[a][1])) * (growth[a] - 1.0);
    }
    return rebalanced ? value - 1.0 : held;
  }
  // In dispatches of at most `steps` steps.
  std::vector<Pair> run(std::uint32_t paths, std::uint32_t steps, bool rebalanced) {
    p.paths = paths, p.offset = 2;
    std::vector<Pair> profits(paths + 2, Pair{-9.0f, -9.0f}), growth(p.tiles * width * paths), earned(p.tiles * paths);
    const std::string name = (rebalanced ? "simulate_rebalanced" : "simulate_held");
    for (p.first_step = 0; p.first_step < p.horizon; p.first_step += p.steps) {
      p.steps = std::min(steps, p.horizon - p.first_step);
      const std::vector<emulator::Argument> model = {emulator::buffer(mean), emulator::buffer(factor),
                                                     emulator::buffer(weights), params()};
      std::vector<emulator::Argument> arguments = {emulator::buffer(profits)};
      if (!rebalanced) arguments = {emulator::buffer(growth), emulator::buffer(earned)};
      arguments.insert(arguments.end(), model.begin(), model.end());
      emulator::dispatch(name, over(paths, arguments, rebalanced ? 1 : p.tiles));
    }
    if (!rebalanced) {
      emulator::dispatch("simulate_held_profits",
                         over(paths, {emulator::buffer(profits), emulator::buffer(earned), params()}));
    }
    CHECK(profits[0][0] == -9.0f && profits[1][1] == -9.0f);  // what is before the offset stays
    return {profits.begin() + 2, profits.end()};
  }
};

// 3e-7 of the size of a step's return, over the steps: the rounding of float32 returns; values add nothing to it.
void check_paths(Case& test, std::uint32_t paths, bool rebalanced) {
  const std::vector<Pair> whole = test.run(paths, test.p.horizon, rebalanced);
  CHECK(test.run(paths, 2, rebalanced) == whole);
  for (std::uint32_t path = 0; path < paths; ++path) {
    const double got = static_cast<double>(whole[path][0]) + static_cast<double>(whole[path][1]);
    CHECK_NEAR(got, test.profit(path, rebalanced), 3e-7 * 0.3 * std::sqrt(static_cast<double>(test.p.horizon)));
  }
}

void paths_compound() {
  for (const std::uint32_t paths : {1u, 31u, 32u, 33u, 65u}) {
    for (const std::uint32_t assets : {1u, 2u, 15u, 16u, 17u, 33u}) {
      Case test(assets, assets == 2 ? 1 : std::min(assets, 7u));
      test.p.horizon = assets == 15 ? 1 : 5;
      test.p.lognormal = assets % 2;
      test.p.degrees = test.p.lognormal > 0 ? 0 : 5;
      check_paths(test, paths, true);
      check_paths(test, paths, false);
    }
  }
  Case still(3, 0);  // no variance at all: no draws
  still.p.horizon = 3;
  check_paths(still, 33, true);
  check_paths(still, 33, false);
}

void returns_are_kept() {
  for (const std::uint32_t assets : {1u, 3u, 16u, 17u}) {
    for (const std::uint32_t paths : {1u, 33u, 64u}) {
      Case test(assets, assets);
      test.p.paths = paths;
      std::vector<float> returns(paths * assets);
      emulator::dispatch("simulate_returns", over(paths,
                                                  {emulator::buffer(returns), emulator::buffer(test.mean),
                                                   emulator::buffer(test.factor), test.params()},
                                                  test.p.tiles));
      for (std::uint32_t path = 0; path < paths; ++path) {
        const std::vector<double> want = test.returns(path, 0);
        for (std::uint32_t a = 0; a < assets; ++a) CHECK_NEAR(returns[path * assets + a], want[a], 3e-7 * 0.3);
      }
    }
  }
}

}  // namespace

int main() {
  known_answers();
  transform_is_the_cpus();
  counters_are_the_cpus();
  exponentials_are_the_cpus();
  paths_compound();
  returns_are_kept();
  return check::finish();
}
