#include "qp_batch.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <unordered_map>

#include "parallel.hpp"

namespace portfolio::metal {
namespace {

using Eigen::Index;
using qp::Mat;
using qp::Problem;
using qp::Vec;
using RowMajorFloats = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// Penalties rho: a table of steps of sqrt(10), so that problems with one covariance share every inverse.
constexpr std::size_t kLevels = 9;
constexpr std::size_t kFirstLevel = 4;  // rho = 1, right where x and the multipliers are of one size
constexpr double kLowestPenalty = 1e-2;

constexpr std::uint32_t kSteps = 25;        // iterations between two looks at the residuals
constexpr std::uint32_t kMostSteps = 1000;  // then the CPU does it
constexpr float kTolerance = 2e-5f;         // what float32 reaches; the polish does the rest
constexpr float kNear = 1e-3f;              // from here the polish often finds the active set
constexpr float kRelaxation = 1.6f;         // Stellato et al. 2020, section 5.2
constexpr double kWork = 2e9;               // multiplications a command buffer: tens of milliseconds on the slowest GPU
constexpr std::uint32_t kMostThreads = 256;

std::size_t size(Index i) { return static_cast<std::size_t>(i); }
std::uint32_t offset(std::size_t floats) {
  if (floats > std::numeric_limits<std::uint32_t>::max()) throw Failure("a batch of quadratic programs is too large");
  return static_cast<std::uint32_t>(floats);
}

double penalty(std::size_t level) { return kLowestPenalty * std::pow(10.0, 0.5 * static_cast<double>(level)); }

// The objective is divided by its largest curvature: unit diagonal, the same matrix for every problem of a group.
double curvature(const Problem& p) {
  const double largest = p.P.diagonal().maxCoeff();
  return largest > 0.0 ? largest : 1.0;
}

// Infinite limits become the largest numbers, with which the kernel can do arithmetic.
float finite(double v) {
  constexpr double most = std::numeric_limits<float>::max();
  return static_cast<float>(std::clamp(v, -most, most));
}

float* put(float* to, const Vec& v, double factor = 1.0) {
  for (const double x : v) *to++ = finite(factor * x);
  return to;
}

float* put(float* to, const Mat& m, double factor = 1.0) {
  Eigen::Map<RowMajorFloats>(to, m.rows(), m.cols()) = (factor * m).cast<float>();
  return to + m.size();
}

// [P + rho (I + G'G), A'; A, 0]^-1 in float64.
RowMajorFloats inverse(const Problem& p, double objective, double rho) {
  const Index n = p.n(), rows = p.b.size();
  Mat system = Mat::Zero(n + rows, n + rows);
  system.topLeftCorner(n, n) = objective * p.P.dense() + rho * (p.G.transpose() * p.G);
  system.topLeftCorner(n, n).diagonal().array() += rho;
  system.topRightCorner(n, rows) = p.A.transpose();
  system.bottomLeftCorner(rows, n) = p.A;
  return Mat(system.partialPivLu().inverse()).cast<float>();
}

std::uint32_t threads(Gpu& gpu, const char* kernel, std::size_t wanted) {
  const std::size_t most = std::min<std::size_t>(gpu.threads_limit(kernel), kMostThreads);
  if (most < 32) throw Failure(std::string(kernel) + " needs 32 threads a threadgroup");
  return static_cast<std::uint32_t>(std::min((wanted + 31) / 32, most / 32) * 32);
}

std::size_t padded(std::size_t floats) { return (floats * sizeof(float) + 15) / 16 * 16; }

}  // namespace

QpBatch::QpBatch(Gpu& gpu, const std::vector<const Problem*>& scaled, const std::vector<std::size_t>& groups)
    : gpu_(gpu), scaled_(scaled), entries_(scaled.size()), curvature_(scaled.size()) {
  const Sizes sizes = lay_out(groups);
  const auto floats = [&](std::size_t count) { return gpu_.allocate(std::max<std::size_t>(count, 4) * sizeof(float)); };
  matrices_ = floats(sizes.matrices);
  inverses_ = floats(sizes.inverses);
  vectors_ = floats(sizes.vectors);
  states_ = floats(sizes.states);
  levels_ = floats(kLevels);
  entry_ = gpu_.allocate(entries_.size() * sizeof(QpEntry));
  reports_ = gpu_.allocate(entries_.size() * sizeof(QpReport));
  std::memcpy(entry_.data<QpEntry>(), entries_.data(), entries_.size() * sizeof(QpEntry));
  for (std::size_t level = 0; level < kLevels; ++level) {
    levels_.data<float>()[level] = static_cast<float>(penalty(level));
  }
  parallel_for(scaled_.size(), [&](std::size_t k) { write_problem(k); });
  parallel_for(leaders_.size(), [&](std::size_t k) {
    put(put(put(matrices_.data<float>() + entries_[leaders_[k]].matrices, scaled_[leaders_[k]]->P.dense(),
                1.0 / curvature_[leaders_[k]]),
            scaled_[leaders_[k]]->A),
        scaled_[leaders_[k]]->G);
    write_inverses(leaders_[k]);
  });
}

// One after the other. A group that is smaller than the table of penalties is no reason to invert for all of them.
QpBatch::Sizes QpBatch::lay_out(const std::vector<std::size_t>& groups) {
  std::unordered_map<std::size_t, std::size_t> members, leader;
  for (const std::size_t group : groups) ++members[group];
  Sizes next;
  for (std::size_t k = 0; k < scaled_.size(); ++k) {
    const Problem& problem = *scaled_[k];
    const std::size_t n = size(problem.n()), p = size(problem.b.size()), m = size(problem.h.size());
    const std::size_t order = n + p;
    const bool shared = members[groups[k]] >= kLevels;
    const auto [first, leads] = leader.try_emplace(groups[k], k);
    QpEntry& entry = entries_[k];
    entry = {offset(n), offset(p), offset(m), 0, 0, offset(next.vectors), offset(next.states), shared ? 1u : 0u};
    curvature_[k] = curvature(problem);
    next.vectors += 3 * n + p + m;
    next.states += 3 * n + 2 * m + p;
    if (leads) {
      leaders_.push_back(k);
      entry.matrices = offset(next.matrices);
      next.matrices += n * n + (p + m) * n;
    } else {
      entry.matrices = entries_[first->second].matrices;
    }
    if (leads || !shared) {
      entry.inverse = offset(next.inverses);
      next.inverses += (shared ? kLevels : 1) * order * order;
    } else {
      entry.inverse = entries_[first->second].inverse;
    }
  }
  return next;
}

void QpBatch::write_problem(std::size_t k) {
  const Problem& p = *scaled_[k];
  const QpEntry& entry = entries_[k];
  float* to = vectors_.data<float>() + entry.vectors;
  put(put(put(put(put(to, p.q, 1.0 / curvature_[k]), p.lb), p.ub), p.b), p.h);
  // From the point of the box that is nearest to zero, with no multipliers.
  float* state = states_.data<float>() + entry.state;
  std::fill_n(state, 3 * entry.n + 2 * entry.m + entry.p, 0.0f);
  const Vec start = Vec::Zero(p.n()).cwiseMax(p.lb).cwiseMin(p.ub);
  put(put(state, start), start);
  put(state + 3 * entry.n, Vec(p.h.cwiseMin(0.0)));
  reports_.data<QpReport>()[k] = {0, 0, static_cast<std::uint32_t>(kFirstLevel), 0, 0.0f, 0.0f, {0, 0}};
}

void QpBatch::write_inverses(std::size_t k) {
  const QpEntry& entry = entries_[k];
  if (entry.shared == 0) return;
  const std::size_t order = entry.n + entry.p;
  for (std::size_t level = 0; level < kLevels; ++level) {
    const RowMajorFloats found = inverse(*scaled_[k], 1.0 / curvature_[k], penalty(level));
    std::copy_n(found.data(), order * order, inverses_.data<float>() + entry.inverse + level * order * order);
  }
}

void QpBatch::solve(const Interrupt& interrupt) {
  double work = 0.0;
  std::size_t first = 0;
  for (std::size_t k = 0; k < entries_.size(); ++k) {
    const double order = entries_[k].n + entries_[k].p;
    const double mine = (entries_[k].shared == 0 ? order * order * order : 0.0) + (kSteps + 1) * order * order;
    if (k > first && work + mine > kWork) {
      solve_slice(first, k - first, interrupt);
      first = k;
      work = 0.0;
    }
    work += mine;
  }
  if (!entries_.empty()) solve_slice(first, entries_.size() - first, interrupt);
}

bool QpBatch::finished(std::size_t first, std::size_t count) const {
  const QpReport* report = reports_.data<QpReport>() + first;
  return std::all_of(report, report + count, [](const QpReport& r) { return r.status != 0; });
}

// A command buffer inverts where a penalty is new and does the steps until the next look.
void QpBatch::solve_slice(std::size_t first, std::size_t count, const Interrupt& interrupt) {
  std::size_t order = 1, room = 0;
  bool own = false;
  for (std::size_t k = first; k < first + count; ++k) {
    const QpEntry& e = entries_[k];
    order = std::max<std::size_t>(order, e.n + e.p);
    room = std::max<std::size_t>(room, 2 * (e.n + e.p) + 2 * e.n + 2 * e.m + 32);
    own = own || e.shared == 0;
  }
  const Argument entry = Argument::buffer(entry_, first * sizeof(QpEntry));
  const Argument report = Argument::buffer(reports_, first * sizeof(QpReport));
  const Argument matrices = Argument::buffer(matrices_), inverses = Argument::buffer(inverses_);
  const Argument levels = Argument::buffer(levels_);
  const QpParams params{kSteps, static_cast<std::uint32_t>(kLevels), kTolerance, kRelaxation};
  const Groups groups{static_cast<std::uint32_t>(count), 1, 1};
  std::vector<Dispatch> work;
  if (own) {
    work.push_back({"qp_inverse",
                    {matrices, inverses, entry, report, levels},
                    groups,
                    threads(gpu_, "qp_inverse", kMostThreads),
                    {padded(2 * order)}});
  }
  work.push_back({"qp_admm",
                  {matrices, inverses, Argument::buffer(vectors_), Argument::buffer(states_), entry, report, levels,
                   Argument::value(params)},
                  groups,
                  threads(gpu_, "qp_admm", order),
                  {padded(room)}});
  for (std::uint32_t steps = 0; steps < kMostSteps && !finished(first, count); steps += kSteps) {
    if (interrupt.requested()) return;
    gpu_.run(work);
  }
}

bool QpBatch::near(std::size_t k) const {
  const QpReport& report = reports_.data<QpReport>()[k];
  return report.status == 1 || (report.primal <= kNear && report.dual <= kNear);
}

int QpBatch::iterations(std::size_t k) const { return static_cast<int>(reports_.data<QpReport>()[k].iterations); }

qp::InteriorPoint QpBatch::point(std::size_t k) const {
  const Problem& p = *scaled_[k];
  const QpEntry& e = entries_[k];
  const float* state = states_.data<float>() + e.state;
  const auto read = [&](std::size_t from, std::size_t count) {
    return Vec(Eigen::Map<const Eigen::VectorXf>(state + from, static_cast<Index>(count)).cast<double>());
  };
  qp::InteriorPoint out;
  out.at.x = read(e.n, e.n).cwiseMax(p.lb).cwiseMin(p.ub);
  out.at.z_box = curvature_[k] * read(2 * e.n, e.n);
  out.at.z = curvature_[k] * read(3 * e.n + e.m, e.m);
  out.at.y = curvature_[k] * read(3 * e.n + 2 * e.m, e.p);
  out.slack = (out.at.z.array() > 0.0).select(0.0, (p.h - read(3 * e.n, e.m)).cwiseMax(0.0));
  out.lower = (-out.at.z_box).cwiseMax(0.0);
  out.upper = out.at.z_box.cwiseMax(0.0);
  out.at.x = (out.lower.array() > 0.0).select(p.lb, (out.upper.array() > 0.0).select(p.ub, out.at.x));
  out.residuals = qp::measure(p, out.at);
  return out;
}

}  // namespace portfolio::metal
