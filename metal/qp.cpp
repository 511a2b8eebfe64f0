// Quadratic programs: batches iterate on the GPU in float32; every answer is polished and certified in float64 by the
// CPU's code, and what does not pass is solved by it.
#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <tuple>

#include "attempt.hpp"
#include "metal_backend.hpp"
#include "parallel.hpp"
#include "qp_batch.hpp"
#include "qp_solver.hpp"

namespace portfolio::metal {
namespace {

constexpr const char* kFunction = "solve_qp_batch";
constexpr std::size_t kChunkBytes = std::size_t{128} << 20;  // of problems on their way; docs/numerics/qp.md
constexpr std::size_t kFewProblems = 64;                     // fewer leave most of a GPU idle
constexpr std::size_t kFewVariables = 16;                    // the CPU needs some ten microseconds for these

using Clock = std::chrono::steady_clock;
double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

bool fits(const qp::Problem& scaled) {
  const auto at_most = [](Eigen::Index have, std::size_t most) { return static_cast<std::size_t>(have) <= most; };
  return at_most(scaled.n(), kQpVariables) && at_most(scaled.b.size(), kQpRows) && at_most(scaled.h.size(), kQpRows);
}

// The problem as given and as scaled, in float64, and in float32 with its inverse.
std::size_t bytes(const QpProblem& p) {
  const std::size_t n = p.q.size, rows = p.A.rows + p.G.rows;
  return 24 * (n * n + rows * n) + 256 * (n + rows) + sizeof(qp::Solver);
}

// Consecutive problems that are in memory together.
class Chunk {
 public:
  Chunk(const std::vector<QpProblem>& problems, const QpOptions& options, const std::vector<char>& first_with_matrix,
        std::size_t begin, std::size_t end)
      : problems_(problems), options_(options), begin_(begin), solvers_(end - begin), seconds_(end - begin) {
    parallel_for(solvers_.size(), [&](std::size_t k) {
      const Clock::time_point start = Clock::now();
      solvers_[k] =
          std::make_unique<qp::Solver>(problems[begin + k], options, kFunction, first_with_matrix[begin + k] != 0);
      seconds_[k] = since(start);
    });
  }

  void solve(Gpu& gpu, QpResult* out) {
    const Clock::time_point start = Clock::now();
    choose();
    QpBatch batch(gpu, scaled_, groups_);
    batch.solve(options_.interrupt);
    const double share = taken_.empty() ? 0.0 : since(start) / static_cast<double>(taken_.size());
    std::vector<std::size_t> place(solvers_.size(), taken_.size());
    for (std::size_t i = 0; i < taken_.size(); ++i) place[taken_[i]] = i;
    parallel_for(solvers_.size(), [&](std::size_t k) {
      const Clock::time_point begin = Clock::now();
      const bool taken = place[k] < taken_.size();
      const bool other = !plain(problems_[begin_ + k]);
      out[k] = taken ? finish(batch, place[k], *solvers_[k]) : leave(*solvers_[k], other);
      out[k].seconds = seconds_[k] + since(begin) + (taken ? share : 0.0);
    });
  }

 private:
  // Which problems the GPU takes, and which of those share their matrices.
  void choose() {
    using Key = std::tuple<const double*, const double*, const double*, std::size_t, std::size_t, std::size_t>;
    std::map<Key, std::vector<std::size_t>> leaders;  // by the caller's matrices; more than one where bounds fix others
    for (std::size_t k = 0; k < solvers_.size(); ++k) {
      const qp::Scaling& scaling = solvers_[k]->scaling();
      const QpProblem& p = problems_[begin_ + k];
      if (!plain(p) || !solvers_[k]->open() || !fits(scaling.problem())) continue;
      auto& known = leaders[{p.P.data, p.A.data, p.G.data, p.q.size, p.A.rows, p.G.rows}];
      const auto same = std::find_if(known.begin(), known.end(), [&](std::size_t leader) {
        return solvers_[leader]->scaling().same_matrices(scaling);
      });
      groups_.push_back(same == known.end() ? k : *same);
      if (same == known.end()) known.push_back(k);
      taken_.push_back(k);
      scaled_.push_back(&scaling.problem());
    }
  }

  // Factors, trading cost and turnover are the CPU's.
  static bool plain(const QpProblem& p) { return !p.factors.B && !p.held; }

  static QpResult leave(qp::Solver& solver, bool other) {
    const char* why = other           ? "a form of problem that only the CPU solves"
                      : solver.open() ? "too large for the GPU's kernel"
                                      : "nothing to iterate on";
    QpResult result = solver.run();
    result.device = {"cpu", why};
    return result;
  }

  static QpResult finish(const QpBatch& batch, std::size_t place, qp::Solver& solver) {
    const char* why = "float32 did not converge";
    if (batch.near(place)) {
      if (auto result = solver.finish(batch.point(place))) {
        result->iterations = batch.iterations(place);
        result->device = {"metal", ""};
        return *std::move(result);
      }
      why = "the answer in float32 could not be certified";
    }
    QpResult result = solver.run();
    result.device = {"cpu", why};
    return result;
  }

  const std::vector<QpProblem>& problems_;
  const QpOptions& options_;
  std::size_t begin_;
  std::vector<std::unique_ptr<qp::Solver>> solvers_;
  std::vector<double> seconds_;
  std::vector<std::size_t> taken_, groups_;
  std::vector<const qp::Problem*> scaled_;
};

std::vector<QpResult> solve_on_gpu(Gpu& gpu, const std::vector<QpProblem>& problems, const QpOptions& options) {
  if (!gpu.limits().simdgroup_matrix) throw Failure("quadratic programs need a GPU of family Apple7");
  const std::vector<char> first = qp::first_with_matrix(problems);
  std::vector<QpResult> out(problems.size());
  for (std::size_t begin = 0, end = 0; begin < problems.size(); begin = end) {
    std::size_t used = 0;
    for (end = begin; end < problems.size() && (end == begin || used + bytes(problems[end]) <= kChunkBytes); ++end) {
      used += bytes(problems[end]);
    }
    Chunk(problems, options, first, begin, end).solve(gpu, out.data() + begin);
  }
  return out;
}

// What the kernel does not know; empty when it knows it all.
std::string unknown(const std::vector<QpProblem>& problems, const QpOptions& options) {
  if (!options.polish) return "without the polish float32 misses the tolerance";
  if (options.method != QpMethod::automatic) return "the CPU's method was named";
  for (std::size_t k = 0; k < problems.size(); ++k) {
    if (problems[k].factors.B) return "factors are used on the CPU";
    if (problems[k].held) return "trading is priced on the CPU";
    if (options.starts != nullptr ? static_cast<bool>(options.starts[k]) : static_cast<bool>(options.start)) {
      return "a start is used on the CPU";
    }
  }
  return "";
}

bool faster(const std::vector<QpProblem>& problems) {
  std::size_t variables = 0;
  for (const QpProblem& p : problems) variables += p.q.size;
  return problems.size() >= kFewProblems && variables >= kFewVariables * problems.size();
}

}  // namespace

QpResult MetalBackend::solve_qp(const QpProblem& problem, const QpOptions& options) const {
  return on_cpu("one quadratic program is faster on the CPU", [&] { return CpuBackend::solve_qp(problem, options); });
}

std::vector<QpResult> MetalBackend::solve_qp_batch(const std::vector<QpProblem>& problems,
                                                   const QpOptions& options) const {
  const auto cpu_work = [&] { return CpuBackend::solve_qp_batch(problems, options); };
  if (const std::string why = unknown(problems, options); !why.empty()) return on_cpu(why, cpu_work);
  if (only_where_faster() && !faster(problems))
    return on_cpu("size rule: a small batch is faster on the CPU", cpu_work);
  return attempt([&](Gpu& gpu) { return solve_on_gpu(gpu, problems, options); }, cpu_work);
}

}  // namespace portfolio::metal
