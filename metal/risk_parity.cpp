// Risk budgeting: batches descend on the GPU in float32, Newton steps in float64 on the CPU reach the tolerance.
#include <algorithm>
#include <cmath>
#include <map>

#include "attempt.hpp"
#include "kernels/params.h"
#include "metal_backend.hpp"
#include "parallel.hpp"
#include "risk_parity_solver.hpp"

namespace portfolio::metal {
namespace {

constexpr std::size_t kAssets = 512;                         // a problem; its vectors live in threadgroup memory
constexpr std::size_t kChunkBytes = std::size_t{128} << 20;  // of matrices on the GPU together
constexpr std::size_t kFewProblems = 256;                    // below either the CPU is faster:
constexpr std::size_t kFewAssets = 64;                       // docs/numerics/risk_parity.md
constexpr std::uint32_t kSweeps = 10;                        // between two looks at the errors
constexpr std::uint32_t kMostSweeps = 20;                    // as on the CPU; Newton converges from anywhere
constexpr float kTolerance = 1e-5f;                          // relative, what float32 reaches
constexpr double kWork = 1e6;  // coordinates a command buffer: each a barrier of a chain, dozens of chains side by side
constexpr std::uint32_t kMostThreads = 256;

using Problems = std::vector<RiskParityProblem>;

// Matrices and state of consecutive problems; problems with one covariance share its correlations.
class Batch {
 public:
  Batch(Gpu& gpu, const Problems& problems, std::size_t begin, std::size_t end)
      : gpu_(gpu), entries_(end - begin), reports_(gpu.allocate(entries_.size() * sizeof(RiskParityReport))) {
    std::size_t vectors = 0, matrices = 0;
    std::vector<std::size_t> leaders;
    std::map<std::pair<const double*, std::size_t>, std::uint32_t> known;
    for (std::size_t k = 0; k < entries_.size(); ++k) {
      const std::size_t n = problems[begin + k].covariance.rows;
      const auto [at, leads] = known.try_emplace({problems[begin + k].covariance.data, n}, offset(matrices));
      if (leads) matrices += n * n, leaders.push_back(k);
      entries_[k] = {static_cast<std::uint32_t>(n), at->second, offset(vectors), offset(vectors)};
      vectors += n;
    }
    matrices_ = gpu.allocate(matrices * sizeof(float));
    budgets_ = gpu.allocate(vectors * sizeof(float));
    states_ = gpu.allocate(vectors * sizeof(float));
    entry_ = gpu.allocate(entries_.size() * sizeof(RiskParityEntry));
    std::copy(entries_.begin(), entries_.end(), entry_.data<RiskParityEntry>());
    parallel_for(leaders.size(), [&](std::size_t k) {
      const RiskParityProblem& problem = problems[begin + leaders[k]];
      const parity::Solver solver(problem.covariance, problem.budgets);
      const std::vector<double>& from = solver.correlation().data;
      std::transform(from.begin(), from.end(), matrices_.data<float>() + entries_[leaders[k]].matrix,
                     [](double v) { return static_cast<float>(v); });
    });
    for (std::size_t k = 0; k < entries_.size(); ++k) write(problems[begin + k], k);
  }

  void descend() {
    std::size_t first = 0, coordinates = 0;
    for (std::size_t k = 0; k < entries_.size(); ++k) {
      coordinates += entries_[k].n * kSweeps;
      if (k + 1 < entries_.size() && static_cast<double>(coordinates) < kWork) continue;
      descend(first, k + 1 - first);
      first = k + 1;
      coordinates = 0;
    }
  }

  const RiskParityReport& report(std::size_t k) const { return reports_.data<RiskParityReport>()[k]; }
  const float* y(std::size_t k) const { return states_.data<float>() + entries_[k].state; }

 private:
  static std::uint32_t offset(std::size_t floats) { return static_cast<std::uint32_t>(floats); }

  void write(const RiskParityProblem& problem, std::size_t k) {
    const std::size_t n = entries_[k].n;
    double total = 0.0;
    for (std::size_t i = 0; i < n; ++i) total += problem.budgets ? problem.budgets[i] : 1.0;
    for (std::size_t i = 0; i < n; ++i) {
      const double share = (problem.budgets ? problem.budgets[i] : 1.0) / total;
      budgets_.data<float>()[entries_[k].budgets + i] = static_cast<float>(share);
      states_.data<float>()[entries_[k].state + i] = static_cast<float>(std::sqrt(share));
    }
    reports_.data<RiskParityReport>()[k] = {0, 1e30f, {0, 0}};
  }

  void descend(std::size_t first, std::size_t count) {
    const auto largest = std::max_element(entries_.begin() + static_cast<std::ptrdiff_t>(first),
                                          entries_.begin() + static_cast<std::ptrdiff_t>(first + count),
                                          [](const auto& a, const auto& b) { return a.n < b.n; });
    const std::size_t n = largest->n;
    const std::size_t most = std::min<std::size_t>(gpu_.threads_limit("risk_parity_descent"), kMostThreads) / 32;
    if (most == 0) throw Failure("risk_parity_descent needs 32 threads a threadgroup");
    const RiskParityParams params{kSweeps, kTolerance, {0, 0}};
    const Dispatch work{"risk_parity_descent",
                        {Argument::buffer(matrices_), Argument::buffer(budgets_), Argument::buffer(states_),
                         Argument::buffer(entry_, first * sizeof(RiskParityEntry)),
                         Argument::buffer(reports_, first * sizeof(RiskParityReport)), Argument::value(params)},
                        {static_cast<std::uint32_t>(count), 1, 1},
                        static_cast<std::uint32_t>(std::min((n + 31) / 32, most) * 32),
                        {((2 * n + 2 + 32) * sizeof(float) + 15) / 16 * 16}};
    for (std::uint32_t sweeps = 0; sweeps < kMostSweeps && !near(first, count); sweeps += kSweeps) gpu_.run({work});
  }

  bool near(std::size_t first, std::size_t count) const {
    const RiskParityReport* from = reports_.data<RiskParityReport>() + first;
    return std::all_of(from, from + count, [](const auto& r) { return r.error <= kTolerance; });
  }

  Gpu& gpu_;
  std::vector<RiskParityEntry> entries_;
  Buffer matrices_, budgets_, states_, entry_, reports_;
};

RiskParityResult finish(const Batch& batch, std::size_t k, const RiskParityProblem& problem,
                        const RiskParityOptions& options) {
  const int sweeps = static_cast<int>(batch.report(k).sweeps);
  if (sweeps < options.max_iterations) {
    parity::Solver solver(problem.covariance, problem.budgets);
    if (solver.start(batch.y(k))) {
      RiskParityResult result = solver.solve(options.tolerance, options.max_iterations - sweeps, options.interrupt);
      result.iterations += sweeps;
      result.device = {"metal", ""};
      if (result.status == RiskParityStatus::optimal) return result;
    }
  }
  // The CPU's own path decides what is wrong with it.
  RiskParityResult result = parity::Solver(problem.covariance, problem.budgets)
                                .solve(options.tolerance, options.max_iterations, options.interrupt);
  result.device = {"cpu", "Newton's method from float32 gave no optimum"};
  return result;
}

std::vector<RiskParityResult> solve_on_gpu(Gpu& gpu, const Problems& problems, const RiskParityOptions& options) {
  if (!gpu.limits().simdgroup_matrix) throw Failure("risk parity needs a GPU of family Apple7");
  std::vector<RiskParityResult> out(problems.size());
  for (std::size_t begin = 0, end = 0; begin < problems.size(); begin = end) {
    std::size_t used = 0;
    for (end = begin; end < problems.size(); ++end) {
      const std::size_t n = problems[end].covariance.rows;
      used += (n * n + 2 * n) * sizeof(float);
      if (end > begin && used > kChunkBytes) break;
    }
    Batch batch(gpu, problems, begin, end);
    batch.descend();
    parallel_for(end - begin, [&](std::size_t k) { out[begin + k] = finish(batch, k, problems[begin + k], options); });
  }
  return out;
}

}  // namespace

RiskParityResult MetalBackend::risk_parity(MatrixView covariance, const RiskParityOptions& options) const {
  return on_cpu("one risk parity is faster on the CPU", [&] { return CpuBackend::risk_parity(covariance, options); });
}

std::vector<RiskParityResult> MetalBackend::risk_parity_batch(const Problems& problems,
                                                              const RiskParityOptions& options) const {
  const auto cpu_work = [&] { return CpuBackend::risk_parity_batch(problems, options); };
  std::size_t assets = 0, most = 0;
  for (const RiskParityProblem& p : problems) {
    assets += p.covariance.rows;
    most = std::max(most, p.covariance.rows);
  }
  if (most > kAssets) return on_cpu("a problem of more than 512 assets", cpu_work);
  const bool small = problems.size() < kFewProblems || assets < kFewAssets * problems.size();
  if (only_where_faster() && small) return on_cpu("size rule: a small batch is faster on the CPU", cpu_work);
  return attempt([&](Gpu& gpu) { return solve_on_gpu(gpu, problems, options); }, cpu_work);
}

}  // namespace portfolio::metal
