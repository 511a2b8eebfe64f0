// The active set through the public interface: no allocation in its loop, one workspace a thread, starts of a batch.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <new>
#include <vector>

#include "check.hpp"
#include "portfolio/qp.hpp"
#include "program.hpp"

using namespace portfolio;

namespace {
std::atomic<long> allocations{0};
}

void* operator new(std::size_t size) {
  ++allocations;
  if (void* p = std::malloc(size == 0 ? 1 : size)) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }

namespace {

// One common factor, own variances; long-only, fully invested, sectors capped.
struct Market : Program {
  Matrix B, G;
  std::vector<double> D, h;

  explicit Market(std::size_t assets, unsigned seed = 1) : Program(assets, 0.05), B(n, 1), G(5, n), h(5, 0.3) {
    Draws draw(seed);
    for (std::size_t j = 0; j < n; ++j) {
      B(j, 0) = 0.1 + 0.2 * draw();
      D.push_back(0.01 + 0.05 * draw());
      q[j] = -0.02 * draw();
      G(j % 5, j) = 1.0;
    }
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) P(i, j) = B(i, 0) * B(j, 0) + (i == j ? D[i] : 0.0);
    }
  }

  QpProblem problem() const {
    QpProblem p = Program::problem();
    p.G = G.view();
    p.h = view(h);
    return p;
  }

  QpProblem factored() const {
    QpProblem p = problem();
    p.P = {};
    p.factors = {B.view(), {}, view(D)};
    return p;
  }
};

void nothing_is_allocated_but_the_result() {
  for (const std::size_t n : {40, 400}) {
    const Market market(n);
    QpOptions options;
    options.method = QpMethod::active_set;
    options.check_matrix = false;
    const std::vector<double> zeros(n, 0.0);
    for (const VectorView start : {VectorView{}, view(zeros)}) {
      options.start = start;
      for (const QpProblem& p : {market.problem(), market.factored()}) {
        solve_qp(p, options);
        const long before = allocations;
        const QpResult r = solve_qp(p, options);
        const long used = allocations - before;
        CHECK(r.status == QpStatus::optimal && r.method == QpMethod::active_set);
        CHECK(!start || r.iterations > 20);
        CHECK(used <= 10);  // four arrays and the names of the device
      }
    }
  }
}

void factors_are_the_dense_matrix() {
  const Market market(150, 3);
  const QpResult dense = solve_qp(market.problem()), factored = solve_qp(market.factored());
  CHECK(dense.status == QpStatus::optimal && factored.status == QpStatus::optimal);
  for (std::size_t j = 0; j < 150; ++j) CHECK_NEAR(dense.x[j], factored.x[j], 1e-12);
  Market broken(6);
  broken.D[2] = -1.0;
  CHECK_THROWS(solve_qp(broken.factored()), "[solve_qp] specific_variance: expected numbers of at least 0");
  QpProblem both = broken.problem();
  both.factors.B = broken.B.view();
  CHECK_THROWS(solve_qp(both), "[solve_qp] P: expected nothing because factors are given");
}

void a_batch_takes_a_start_for_each() {
  const Market market(60, 5);
  const QpResult cold = solve_qp(market.problem());
  std::vector<QpProblem> problems(4, market.problem());
  std::vector<VectorView> starts(4);
  starts[1] = view(cold.x);
  starts[3] = view(market.ub);
  QpOptions options;
  options.starts = starts.data();
  const std::vector<QpResult> batch = solve_qp_batch(problems, options);
  CHECK(batch[1].iterations < batch[3].iterations);
  CHECK(batch[0].x == cold.x && batch[2].x == cold.x);
  for (const QpResult& r : batch) {
    CHECK(r.status == QpStatus::optimal);
    CHECK_NEAR(r.objective, cold.objective, 1e-14);
  }
}

void turnover_is_a_limit() {
  const Market market(30, 7);
  const std::vector<double> held(30, 1.0 / 30.0), cost(30, 1e-4);
  QpProblem p = market.problem();
  p.held = view(held);
  p.cost = view(cost);
  p.turnover = 0.2;
  for (const QpMethod method : {QpMethod::active_set, QpMethod::interior_point}) {
    QpOptions options;
    options.method = method;
    const QpResult r = solve_qp(p, options);
    CHECK(r.status == QpStatus::optimal && r.method == method);
    double traded = 0.0, stationary = 0.0;
    for (std::size_t i = 0; i < 30; ++i) {
      traded += std::fabs(r.x[i] - held[i]);
      double slope = p.q[i] + r.y[0] + r.z_box[i] + r.z_trade[i] + r.z[i % 5];
      for (std::size_t j = 0; j < 30; ++j) slope += p.P(i, j) * r.x[j];
      stationary = std::max(stationary, std::fabs(slope));
      CHECK(std::fabs(r.z_trade[i]) <= cost[i] + r.turnover_dual + 1e-12);
    }
    CHECK_NEAR(traded, 0.2, 1e-9);
    CHECK(stationary <= 1e-9 && r.turnover_dual > 0.0);
  }
}

}  // namespace

int main() {
  nothing_is_allocated_but_the_result();
  factors_are_the_dense_matrix();
  a_batch_takes_a_start_for_each();
  turnover_is_a_limit();
  return check::finish();
}
