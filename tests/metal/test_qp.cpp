// The shaders of quadratic programs on the emulator, against float64: inverses multiplied out, answers by their KKT
// conditions.
#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "check.hpp"
#include "emulator.hpp"
#include "params.h"

namespace {

constexpr float kCanary = -12345.0f;
const std::vector<float> kPenalties = {0.01f, 0.0316f, 0.1f, 0.316f, 1.0f, 3.16f, 10.0f, 31.6f, 100.0f};

struct Problem {
  std::uint32_t n, p, m;
  std::vector<float> P, A, G, q, lb, ub, b, h;
};

// A correlation matrix of one factor and noise; p rows that a point in the box meets, m rows that cut it off.
Problem random_problem(std::uint32_t n, std::uint32_t p, std::uint32_t m, unsigned seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal;
  std::uniform_real_distribution<float> unit(0.2f, 1.0f);
  Problem out{n, p, m, std::vector<float>(n * n), {}, {}, {}, {}, {}, {}, {}};
  std::vector<float> beta(n), inside(n);
  for (float& v : beta) v = unit(engine);
  for (float& v : inside) v = unit(engine);
  for (std::uint32_t i = 0; i < n; ++i) {
    for (std::uint32_t j = 0; j < n; ++j) out.P[i * n + j] = i == j ? 1.0f : 0.7f * beta[i] * beta[j];
    out.q.push_back(0.3f * normal(engine));
    out.lb.push_back(i % 5 == 4 ? -3.4e38f : 0.0f);
    out.ub.push_back(1.2f);
  }
  const auto row = [&](std::vector<float>& to) {
    float value = 0.0f;
    for (std::uint32_t i = 0; i < n; ++i) {
      to.push_back(unit(engine));
      value += to.back() * inside[i];
    }
    return value;
  };
  for (std::uint32_t k = 0; k < p; ++k) out.b.push_back(row(out.A));
  for (std::uint32_t k = 0; k < m; ++k) out.h.push_back(row(out.G));
  return out;
}

// [P + rho (I + G'G), A'; A, 0] in float64.
std::vector<double> system_of(const Problem& a, double rho) {
  const std::uint32_t order = a.n + a.p;
  std::vector<double> out(order * order);
  for (std::uint32_t i = 0; i < a.n; ++i) {
    for (std::uint32_t j = 0; j < a.n; ++j) {
      double value = i == j ? 1.0 : 0.0;
      for (std::uint32_t k = 0; k < a.m; ++k) value += static_cast<double>(a.G[k * a.n + i]) * a.G[k * a.n + j];
      out[i * order + j] = a.P[i * a.n + j] + rho * value;
    }
    for (std::uint32_t k = 0; k < a.p; ++k) out[i * order + a.n + k] = out[(a.n + k) * order + i] = a.A[k * a.n + i];
  }
  return out;
}

// By elimination in the order of the diagonal, which is safe for these matrices.
std::vector<float> inverse_of(std::vector<double> a, std::uint32_t order) {
  for (std::uint32_t k = 0; k < order; ++k) {
    const double pivot = 1.0 / a[k * order + k];
    for (std::uint32_t i = 0; i < order; ++i) {
      if (i == k) continue;
      const double share = a[i * order + k] * pivot;
      for (std::uint32_t j = 0; j < order; ++j) {
        if (j != k) a[i * order + j] -= share * a[k * order + j];
      }
      a[i * order + k] = -share;
    }
    for (std::uint32_t j = 0; j < order; ++j) a[k * order + j] *= j == k ? 0.0 : pivot;
    a[k * order + k] = pivot;
  }
  return {a.begin(), a.end()};
}

// The buffers of a batch, a canary after each.
struct Batch {
  std::vector<Problem> problems;
  std::vector<QpEntry> entries;
  std::vector<QpReport> reports;
  std::vector<float> matrices, inverses, vectors, states, levels = kPenalties;
  std::uint32_t order = 1, room = 0;

  Batch(std::vector<Problem> given, std::uint32_t level, bool shared) : problems(std::move(given)) {
    const auto end = [](const std::vector<float>& v) { return static_cast<std::uint32_t>(v.size()); };
    const auto append = [](std::vector<float>& to, const std::vector<float>& v) {
      to.insert(to.end(), v.begin(), v.end());
    };
    for (const Problem& a : problems) {
      const std::uint32_t size = a.n + a.p;
      entries.push_back({a.n, a.p, a.m, end(matrices), end(inverses), end(vectors), end(states), shared ? 1u : 0u});
      reports.push_back({0, 0, level, 0, 0.0f, 0.0f, {0, 0}});
      for (const auto* v : {&a.P, &a.A, &a.G}) append(matrices, *v);
      for (const auto* v : {&a.q, &a.lb, &a.ub, &a.b, &a.h}) append(vectors, *v);
      states.resize(states.size() + 3 * a.n + 2 * a.m + a.p, 0.0f);
      if (!shared) inverses.resize(inverses.size() + size * size, kCanary);
      if (shared) {
        for (const float rho : kPenalties) append(inverses, inverse_of(system_of(a, static_cast<double>(rho)), size));
      }
      order = std::max(order, size);
      room = std::max(room, 2 * size + 2 * a.n + 2 * a.m + 32);
    }
    for (auto* v : {&matrices, &inverses, &vectors, &states}) v->push_back(kCanary);
  }

  void invert(std::uint32_t threads) {
    emulator::dispatch("qp_inverse", {{emulator::buffer(matrices), emulator::buffer(inverses),
                                       emulator::buffer(entries), emulator::buffer(reports), emulator::buffer(levels)},
                                      {static_cast<std::uint32_t>(problems.size()), 1, 1},
                                      {threads, 1, 1},
                                      {(2 * order * sizeof(float) + 15) / 16 * 16}});
  }

  void iterate(std::uint32_t threads, std::uint32_t steps) {
    const QpParams params{steps, static_cast<std::uint32_t>(levels.size()), 2e-5f, 1.6f};
    emulator::dispatch("qp_admm", {{emulator::buffer(matrices), emulator::buffer(inverses), emulator::buffer(vectors),
                                    emulator::buffer(states), emulator::buffer(entries), emulator::buffer(reports),
                                    emulator::buffer(levels), emulator::value(params)},
                                   {static_cast<std::uint32_t>(problems.size()), 1, 1},
                                   {threads, 1, 1},
                                   {(room * sizeof(float) + 15) / 16 * 16}});
  }

  void solve(std::uint32_t threads) {
    const auto running = [](const QpReport& r) { return r.status == 0; };
    for (int look = 0; look < 60 && std::any_of(reports.begin(), reports.end(), running); ++look) {
      invert(threads);
      iterate(threads, 25);
    }
  }

  void check_untouched_ends() const {
    for (const auto* v : {&matrices, &inverses, &vectors, &states}) CHECK(v->back() == kCanary);
  }
};

double worst_product(const std::vector<double>& a, const float* inverse, std::uint32_t order) {
  double worst = 0.0;
  for (std::uint32_t i = 0; i < order; ++i) {
    for (std::uint32_t j = 0; j < order; ++j) {
      double value = i == j ? -1.0 : 0.0;
      for (std::uint32_t k = 0; k < order; ++k) value += a[i * order + k] * static_cast<double>(inverse[k * order + j]);
      worst = std::max(worst, std::fabs(value));
    }
  }
  return worst;
}

void inverses_multiply_out() {
  for (const std::uint32_t n : {1u, 7u, 31u, 32u, 33u, 64u}) {
    for (const std::uint32_t threads : {32u, 96u}) {
      Batch batch({random_problem(n, n > 3 ? 2 : 0, n > 3 ? 3 : 0, n)}, 3, false);
      batch.invert(threads);
      const std::uint32_t order = batch.order;
      const auto system = system_of(batch.problems[0], static_cast<double>(kPenalties[3]));
      CHECK(worst_product(system, batch.inverses.data(), order) < 1e-4);
      CHECK(batch.reports[0].inverted == 4);
      batch.check_untouched_ends();
    }
  }
}

// The KKT conditions in float64, each relative to the terms it adds up; rho plays no part in them.
void check_answer(const Batch& batch, std::size_t k, double tolerance) {
  const Problem& a = batch.problems[k];
  const float* x = batch.states.data() + batch.entries[k].state;
  const float *z = x + a.n, *y = z + a.n, *zg = y + a.n, *yg = zg + a.m, *nu = yg + a.m;
  double slope = 0.0, apart = 0.0;
  for (std::uint32_t i = 0; i < a.n; ++i) {
    double value = static_cast<double>(a.q[i]) + y[i];
    for (std::uint32_t j = 0; j < a.n; ++j) value += static_cast<double>(a.P[i * a.n + j]) * x[j];
    for (std::uint32_t r = 0; r < a.p; ++r) value += static_cast<double>(a.A[r * a.n + i]) * nu[r];
    for (std::uint32_t r = 0; r < a.m; ++r) value += static_cast<double>(a.G[r * a.n + i]) * yg[r];
    slope = std::max(slope, std::fabs(value));
    apart = std::max(apart, std::fabs(static_cast<double>(x[i]) - z[i]));
    CHECK(z[i] >= a.lb[i] && z[i] <= a.ub[i]);
    CHECK(y[i] == 0.0f || (y[i] < 0.0f && z[i] == a.lb[i]) || (y[i] > 0.0f && z[i] == a.ub[i]));
  }
  const auto dot = [&](const float* row) {
    double value = 0.0;
    for (std::uint32_t i = 0; i < a.n; ++i) value += static_cast<double>(row[i]) * x[i];
    return value;
  };
  for (std::uint32_t r = 0; r < a.p; ++r) {
    apart = std::max(apart, std::fabs(dot(&a.A[r * a.n]) - static_cast<double>(a.b[r])));
  }
  for (std::uint32_t r = 0; r < a.m; ++r) {
    apart = std::max(apart, std::fabs(dot(&a.G[r * a.n]) - static_cast<double>(zg[r])));
    CHECK(zg[r] <= a.h[r] && yg[r] >= 0.0f && (yg[r] == 0.0f || zg[r] == a.h[r]));
  }
  CHECK(slope < tolerance);
  CHECK(apart < tolerance);
  CHECK(batch.reports[k].status == 1 && batch.reports[k].iterations > 0);
  CHECK(batch.reports[k].primal <= 2e-5f && batch.reports[k].dual <= 2e-5f);
}

// Sizes mixed in one dispatch, fewer threads than variables, inverses of either device, penalties far off at the start.
void answers_meet_the_kkt_conditions() {
  for (const bool shared : {false, true}) {
    for (const std::uint32_t threads : {32u, 64u, 96u}) {
      std::vector<Problem> problems;
      for (const std::uint32_t n : {1u, 5u, 31u, 32u, 33u, 64u}) {
        problems.push_back(random_problem(n, n > 1 ? 1 : 0, n > 5 ? 3 : 0, 100 + n));
      }
      Batch batch(problems, threads == 32 ? 4 : (threads == 64 ? 0 : 8), shared);
      batch.solve(threads);
      for (std::size_t k = 0; k < problems.size(); ++k) check_answer(batch, k, 5e-4);
      batch.check_untouched_ends();
    }
  }
}

void known_answers() {
  // 1/2 x^2 - x over x <= 1/2; and the nearest point of x1 + x2 = 1, x1 + 2 x2 <= 1, x >= 0 to zero.
  const Problem one{1, 0, 0, {1}, {}, {}, {-1}, {-3.4e38f}, {0.5f}, {}, {}};
  const Problem two{2, 1, 1, {1, 0, 0, 1}, {1, 1}, {1, 2}, {0, 0}, {0, 0}, {3.4e38f, 3.4e38f}, {1}, {1}};
  Batch batch({one, two}, 4, false);
  batch.solve(32);
  const float* x = batch.states.data();
  CHECK_NEAR(static_cast<double>(x[0]), 0.5, 1e-4);
  CHECK_NEAR(static_cast<double>(x[2]), 0.5, 1e-4);  // the multiplier of the bound
  CHECK_NEAR(static_cast<double>(x[3]), 1.0, 1e-4);
  CHECK_NEAR(static_cast<double>(x[4]), 0.0, 1e-4);
}

void what_is_solved_stays() {
  Batch batch({random_problem(33, 1, 2, 5), random_problem(20, 1, 0, 6)}, 4, false);
  batch.reports[0].status = 1;
  const std::vector<float> inverses = batch.inverses, states = batch.states;
  batch.invert(64);
  batch.iterate(64, 25);
  const auto upto = static_cast<std::ptrdiff_t>(batch.entries[1].state);
  CHECK(std::equal(states.begin(), states.begin() + upto, batch.states.begin()));
  CHECK(std::equal(inverses.begin(), inverses.begin() + 34 * 34, batch.inverses.begin()));
  CHECK(batch.reports[0].iterations == 0 && batch.reports[1].iterations == 25 && batch.reports[1].inverted == 5);
  CHECK(!std::equal(states.begin() + upto, states.end(), batch.states.begin() + upto));
}

// An infeasible program never counts as solved, and its numbers stay finite.
void no_false_success() {
  Problem a = random_problem(8, 1, 0, 9);
  a.b[0] = 100.0f;
  for (float& bound : a.lb) bound = 0.0f;
  Batch batch({a}, 4, false);
  batch.solve(32);
  CHECK(batch.reports[0].status == 0 && batch.reports[0].primal > 0.1f);
  for (const float v : batch.states) CHECK(std::isfinite(v));
}

}  // namespace

int main() {
  inverses_multiply_out();
  answers_meet_the_kkt_conditions();
  known_answers();
  what_is_solved_stays();
  no_false_success();
  return check::finish();
}
