// The shader of risk parity on the emulator: shares of the variance recomputed in float64.
#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "check.hpp"
#include "emulator.hpp"
#include "params.h"

namespace {

constexpr float kCanary = -12345.0f;

struct Batch {
  std::vector<RiskParityEntry> entries;
  std::vector<RiskParityReport> reports;
  std::vector<float> matrices, budgets, states;
  std::uint32_t largest = 1;

  explicit Batch(const std::vector<std::uint32_t>& sizes) {
    for (const std::uint32_t n : sizes) add(n);
    for (auto* v : {&matrices, &budgets, &states}) v->push_back(kCanary);
  }

  // Correlations of one factor, some of them negative; budgets that differ by a factor of up to a hundred.
  void add(std::uint32_t n) {
    std::mt19937 engine(n);
    std::uniform_real_distribution<float> loading(-0.3f, 0.9f), exponent(-2.0f, 0.0f);
    entries.push_back({n, static_cast<std::uint32_t>(matrices.size()), static_cast<std::uint32_t>(budgets.size()),
                       static_cast<std::uint32_t>(states.size())});
    reports.push_back({0, 1e30f, {0, 0}});
    std::vector<float> beta(n), b(n);
    float total = 0.0f;
    for (std::uint32_t i = 0; i < n; ++i) {
      beta[i] = loading(engine);
      b[i] = std::pow(10.0f, exponent(engine));
      total += b[i];
    }
    for (std::uint32_t i = 0; i < n; ++i) {
      for (std::uint32_t j = 0; j < n; ++j) matrices.push_back(i == j ? 1.0f : beta[i] * beta[j]);
      budgets.push_back(b[i] / total);
      states.push_back(std::sqrt(b[i] / total));
    }
    largest = std::max(largest, n);
  }

  void descend(std::uint32_t threads, std::uint32_t sweeps) {
    const RiskParityParams params{sweeps, 1e-5f, {0, 0}};
    emulator::dispatch("risk_parity_descent",
                       {{emulator::buffer(matrices), emulator::buffer(budgets), emulator::buffer(states),
                         emulator::buffer(entries), emulator::buffer(reports), emulator::value(params)},
                        {static_cast<std::uint32_t>(entries.size()), 1, 1},
                        {threads, 1, 1},
                        {((2 * largest + 34) * sizeof(float) + 15) / 16 * 16}});
  }

  // Largest |y_i (Cy)_i / y'Cy / b_i - 1|.
  double error(std::size_t k) const {
    const RiskParityEntry& e = entries[k];
    const float* y = &states[e.state];
    std::vector<double> share(e.n, 0.0);
    double variance = 0.0, worst = 0.0;
    for (std::uint32_t i = 0; i < e.n; ++i) {
      for (std::uint32_t j = 0; j < e.n; ++j) {
        share[i] += static_cast<double>(y[i]) * matrices[e.matrix + i * e.n + j] * y[j];
      }
      variance += share[i];
    }
    for (std::uint32_t i = 0; i < e.n; ++i) {
      worst = std::max(worst, std::fabs(share[i] / variance / static_cast<double>(budgets[e.budgets + i]) - 1.0));
    }
    return worst;
  }
};

const std::vector<std::uint32_t> kSizes = {1, 2, 31, 32, 33, 45, 64};

void shares_are_the_budgets() {
  for (const std::uint32_t threads : {32u, 64u, 96u}) {
    Batch batch(kSizes);
    for (int call = 0; call < 10; ++call) batch.descend(threads, 10);
    for (std::size_t k = 0; k < kSizes.size(); ++k) {
      CHECK(batch.error(k) < 1e-4);
      CHECK(batch.reports[k].error <= 1e-5f);
      CHECK(batch.reports[k].sweeps > 0 || kSizes[k] == 1);
      CHECK(batch.reports[k].sweeps < 100);
    }
    for (const auto* v : {&batch.matrices, &batch.budgets, &batch.states}) CHECK(v->back() == kCanary);
  }
}

// Each sweep comes nearer, the report counts it, and what it says is what float64 finds.
void every_sweep_is_counted_and_measured() {
  Batch batch({33});
  batch.descend(64, 0);
  CHECK(batch.reports[0].sweeps == 0);
  CHECK_NEAR(static_cast<double>(batch.reports[0].error), batch.error(0), 1e-3 * batch.error(0));
  const double before = batch.error(0);
  batch.descend(64, 3);
  CHECK(batch.reports[0].sweeps == 3);
  CHECK_NEAR(static_cast<double>(batch.reports[0].error), batch.error(0), 1e-3 * batch.error(0) + 1e-5);
  CHECK(batch.error(0) < 0.1 * before);
}

void what_is_solved_stays() {
  Batch batch({31, 31});
  batch.reports[0].error = 1e-6f;
  const std::vector<float> before = batch.states;
  batch.descend(32, 5);
  CHECK(std::equal(before.begin(), before.begin() + 31, batch.states.begin()));
  CHECK(batch.reports[0].sweeps == 0 && batch.reports[1].sweeps > 0);
}

// Two assets: weights in the ratio of the budgets' square roots when uncorrelated.
void known_answer() {
  Batch batch({2});
  batch.matrices = {1, 0, 0, 1};
  batch.budgets = {0.2f, 0.8f};
  batch.states = {1.0f, 1.0f};
  batch.descend(32, 10);
  CHECK_NEAR(static_cast<double>(batch.states[0]), std::sqrt(0.2), 1e-6);
  CHECK_NEAR(static_cast<double>(batch.states[1]), std::sqrt(0.8), 1e-6);
}

}  // namespace

int main() {
  shares_are_the_budgets();
  every_sweep_is_counted_and_measured();
  what_is_solved_stays();
  known_answer();
  return check::finish();
}
