#include "critical_line.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "critical_line_walk.hpp"

namespace portfolio::critical_line {
namespace {

constexpr double kBridges[] = {1e-6, 1e-5, 1e-4, 1e-3,
                               1e-2, 0.1,  0.3,  0.6};  // share of t by which a stuck walk is passed
constexpr int kMostBridges = 8;

// A t at which risk and return weigh alike: a typical variance over the spread of returns.
double middle(const Data& data) {
  std::vector<double> variances;
  for (const double v : data.volatility) {
    if (v > 0.0) variances.push_back(v * v);
  }
  const auto [low, high] = std::minmax_element(data.mu.data, data.mu.data + data.n());
  const double spread = *high > *low ? *high - *low : std::fabs(*high);
  if (variances.empty() || spread == 0.0) return 1.0;
  const auto half = variances.begin() + static_cast<std::ptrdiff_t>(variances.size() / 2);
  std::nth_element(variances.begin(), half, variances.end());
  return 0.1 * *half / spread;
}

// The path on both sides of the first seed. A walk that gets stuck is passed by a seed beyond, which walks back to
// where it got stuck, so that no piece of the path is missing.
class Follower {
 public:
  // The methods whose answers walks start from, the one to try first in front. The interior point takes longer, and of
  // several optimal portfolios gives the one in the middle, from where fewer walks get stuck.
  Follower(const FrontierProblem& problem, const Solve& solve, std::vector<QpMethod> methods)
      : data_(problem), problem_(problem), solve_(solve), methods_(std::move(methods)), scale_(middle(data_)) {}

  Path run() {
    std::optional<Walk> up;
    for (const double share : {1.0, 0.3, 4.0}) {
      up = seed(share * scale_);
      if (up || path_.status != QpStatus::numerical_error) break;
    }
    if (!up) return std::move(path_);
    std::optional<Walk> down = up;
    std::vector<Corner> above, below;
    if (!advance(up, kNone, above) || !advance(down, 0.0, below)) return std::move(path_);
    path_.corners.assign(above.rbegin(), above.rend());
    path_.corners.insert(path_.corners.end(), below.begin(), below.end());
    path_.status = QpStatus::optimal;
    return std::move(path_);
  }

 private:
  std::optional<Walk> seed(double t) {
    for (const QpMethod method : methods_) {
      const QpResult solved = solve_(t, method);
      path_.status = solved.status;
      if (solved.status != QpStatus::optimal) return std::nullopt;
      path_.status = QpStatus::numerical_error;
      Walk walk(data_, problem_.qp.interrupt, t, scale_, solved);
      if (walk.certified()) return walk;
    }
    return std::nullopt;
  }

  // False with the status set when the walk does not arrive.
  bool advance(std::optional<Walk>& walk, double until, std::vector<Corner>& corners) {
    for (int bridges = 0; bridges < kMostBridges; ++bridges) {
      const End end = walk->go(until, corners);
      path_.max_residual = std::max(path_.max_residual, walk->max_residual());
      if (end == End::finished) return true;
      if (end == End::stuck && bridge(walk, until, bridges, corners)) continue;
      if (end == End::unbounded) path_.status = QpStatus::dual_infeasible;
      if (end == End::time_limit) path_.status = QpStatus::time_limit;
      if (end == End::cancelled) path_.status = QpStatus::cancelled;
      return false;
    }
    return false;
  }

  // Replaces the stuck walk by one that starts beyond, with the corners between. Every bridge is longer than the last.
  bool bridge(std::optional<Walk>& walk, double until, int bridges, std::vector<Corner>& corners) {
    const double stuck = walk->t(), direction = until < stuck ? -1.0 : 1.0;
    for (int k = bridges; k < kMostBridges; ++k) {
      std::optional<Walk> beyond = seed(stuck * (1.0 + direction * kBridges[k]));
      if (!beyond && path_.status != QpStatus::numerical_error) return false;
      if (!beyond) continue;
      Walk back = *beyond;
      std::vector<Corner> between;
      if (back.go(stuck, between) != End::finished) continue;
      path_.max_residual = std::max(path_.max_residual, back.max_residual());
      if (direction > 0.0 && !between.empty()) between.pop_back();  // the one where the walks meet
      corners.insert(corners.end(), between.rbegin(), between.rend());
      walk.emplace(std::move(*beyond));
      return true;
    }
    return false;
  }

  Data data_;
  const FrontierProblem& problem_;
  const Solve& solve_;
  std::vector<QpMethod> methods_;
  double scale_;
  Path path_;
};

}  // namespace

Path follow(const FrontierProblem& problem, const Solve& solve) {
  Path path = Follower(problem, solve, {QpMethod::automatic, QpMethod::interior_point}).run();
  if (path.status != QpStatus::numerical_error) return path;
  return Follower(problem, solve, {QpMethod::interior_point}).run();
}

}  // namespace portfolio::critical_line
