// A deadline or a token ends the interior point, its batch and nearest_psd, soon and with what was found so far.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>
#include <vector>

#include "check.hpp"
#include "portfolio/eigh.hpp"
#include "portfolio/interrupt.hpp"
#include "portfolio/qp.hpp"
#include "program.hpp"

using namespace portfolio;

namespace {

using Clock = std::chrono::steady_clock;
double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

struct Dense : Program {
  explicit Dense(std::size_t assets) : Program(assets, 1.0) {
    Draws draw(7);
    Matrix B(n, 20);
    for (double& v : B.data) v = draw() - 0.5;
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        for (std::size_t k = 0; k < 20; ++k) P(i, j) += B(i, k) * B(j, k);
      }
      P(i, i) += 0.1;
      q[i] = draw() - 0.5;
    }
  }
};

void a_passed_deadline_is_a_status() {
  const Dense d(120);
  QpOptions options = interior();
  options.interrupt.deadline = Clock::now();
  const QpResult r = solve_qp(d.problem(), options);
  CHECK(r.status == QpStatus::time_limit);
  CHECK(r.x.size() == 120 && r.y.size() == 1 && r.z_box.size() == 120);
  CHECK(std::isfinite(r.primal_residual) && r.primal_residual > 0.1);  // zero misses the budget
  options.interrupt = {};
  CHECK(solve_qp(d.problem(), options).status == QpStatus::optimal);
}

void a_cancelled_token_is_a_status_of_its_own() {
  const Dense d(60);
  CancelToken token;
  QpOptions options = interior();
  options.interrupt.token = &token;
  CHECK(solve_qp(d.problem(), options).status == QpStatus::optimal);
  token.cancel();
  CHECK(solve_qp(d.problem(), options).status == QpStatus::cancelled);
  options.interrupt.deadline = Clock::now();
  CHECK(solve_qp(d.problem(), options).status == QpStatus::cancelled);
  for (const QpResult& r : solve_qp_batch({d.problem(), d.problem()}, options)) {
    CHECK(r.status == QpStatus::cancelled);
  }
}

// In the middle of the work: the answer is what the iterates had reached, better the later it is.
void the_best_point_so_far_comes_back() {
  const Dense d(500);
  QpResult whole = solve_qp(d.problem(), interior());
  for (int again = 0; again < 4; ++again) {  // the quickest: the first ones wait for memory
    const QpResult next = solve_qp(d.problem(), interior());
    if (next.seconds < whole.seconds) whole = next;
  }
  CHECK(whole.status == QpStatus::optimal);
  double late = 0.0;
  bool between = false;
  for (const double share : {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9}) {
    QpOptions options = interior();
    const Clock::time_point start = Clock::now();
    options.interrupt.deadline =
        start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(share * whole.seconds));
    const QpResult r = solve_qp(d.problem(), options);
    late = std::max(late, since(options.interrupt.deadline));
    if (r.status == QpStatus::optimal) continue;
    CHECK(r.status == QpStatus::time_limit);
    between = between || r.iterations > 0;
    CHECK(std::isfinite(r.primal_residual + r.dual_residual + r.gap));
  }
  CHECK(between);
  CHECK(late <= std::max(0.1, whole.seconds));  // a machine that does other work too
  std::printf("500 variables: %.1f ms in all, at most %.1f ms after the deadline\n", 1e3 * whole.seconds, 1e3 * late);
}

void another_thread_cancels() {
  const Dense d(700);
  CancelToken token;
  QpOptions options = interior();
  options.interrupt.token = &token;
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    token.cancel();
  });
  const std::vector<QpResult> results = solve_qp_batch(std::vector<QpProblem>(30, d.problem()), options);
  other.join();
  const auto ended = [](const QpResult& r) { return r.status == QpStatus::cancelled; };
  CHECK(std::count_if(results.begin(), results.end(), ended) >= 20);
}

void nearest_psd_has_no_half_answer() {
  const std::size_t n = 40;
  Matrix m(n, n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) m(i, j) = i == j ? 1.0 : std::cos(static_cast<double>((i * j) % 17));
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < i; ++j) m(i, j) = m(j, i);
  }
  CHECK(nearest_psd(m.view()).converged);
  CancelToken token;
  token.cancel();
  NearestPsdOptions options;
  options.interrupt.token = &token;
  bool thrown = false;
  try {
    nearest_psd(m.view(), options);
  } catch (const Interrupted& error) {
    thrown = error.cancelled() && std::string(error.what()).find("[nearest_psd] cancel") == 0;
  }
  CHECK(thrown);
}

}  // namespace

int main() {
  a_passed_deadline_is_a_status();
  a_cancelled_token_is_a_status_of_its_own();
  the_best_point_so_far_comes_back();
  another_thread_cancels();
  nearest_psd_has_no_half_answer();
  return check::finish();
}
