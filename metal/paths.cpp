#include "paths.hpp"

#include <algorithm>
#include <cmath>
#include <string>

namespace portfolio::metal {
namespace {

// Operations of one command buffer and of one of its threads: tens of milliseconds on the slowest GPU with simdgroups.
constexpr double kWork = 0x1p31, kThreadWork = 0x1p22;
constexpr double kDraw = 35.0, kPair = 25.0, kChi = 20.0;  // operations of a normal, of a pair's sum, of a degree
constexpr std::size_t kFewPaths = 1024;                    // fewer leave a GPU idle
constexpr std::size_t kStateBytes = std::size_t{16} << 20;
constexpr std::size_t kMostThreads = 256, kQuads = 4;

std::uint32_t narrow(std::size_t value) { return static_cast<std::uint32_t>(value); }

// value = high + low to about 48 bits.
void put_pair(float* to, double value) {
  to[0] = static_cast<float>(value);
  to[1] = static_cast<float>(value - static_cast<double>(to[0]));
}

// Where a step needs only w'R, that is one normal variable: a single asset with weight 1.
ReturnModel portfolio_model(const ReturnModel& model, VectorView weights) {
  ReturnModel out{{0.0}, Matrix(1, model.factor.cols)};
  for (std::size_t i = 0; i < weights.size; ++i) {
    out.mean[0] += weights[i] * model.mean[i];
    for (std::size_t k = 0; k < model.factor.cols; ++k) out.factor(0, k) += weights[i] * model.factor(i, k);
  }
  return out;
}

}  // namespace

Paths::Paths(Gpu& gpu, const ReturnModel& model, VectorView weights, const SimulateOptions& options)
    : gpu_(gpu), options_(options), holds_(!options.rebalanced && options.horizon > 1) {
  params_.seed_low = narrow(options.seed);
  params_.seed_high = narrow(options.seed >> 32);
  params_.horizon = narrow(options.horizon);
  params_.lognormal = options.distribution == Distribution::lognormal ? 1 : 0;
  const bool student = options.distribution == Distribution::student_t;
  params_.degrees = student ? static_cast<std::uint32_t>(options.degrees_of_freedom) : 0;
  if (holds_ || params_.lognormal > 0 || options.keep_returns) {
    write_model(model, {weights.data, weights.data + weights.size});
  } else {
    write_model(portfolio_model(model, weights), {1.0});
  }
  plan_work();
}

void Paths::write_model(const ReturnModel& model, const std::vector<double>& weights) {
  const std::size_t n = model.factor.rows, rank = model.factor.cols, quads = std::min((n + 3) / 4, kQuads);
  const std::size_t width = 4 * quads, tiles = (n + width - 1) / width, blocks = (rank + 3) / 4;
  params_.assets = narrow(n);
  params_.quads = narrow(quads);
  params_.tiles = narrow(tiles);
  params_.blocks = narrow(blocks);
  const auto zeros = [&](std::size_t floats) {
    const Buffer buffer = gpu_.allocate(std::max<std::size_t>(floats, 4) * sizeof(float));
    std::fill_n(buffer.data<float>(), floats, 0.0f);
    return buffer;
  };
  mean_ = zeros(tiles * width);
  weights_ = zeros(2 * tiles * width);
  factor_ = zeros(tiles * width * blocks * 4);
  for (std::size_t i = 0; i < n; ++i) {
    mean_.data<float>()[i] = static_cast<float>(model.mean[i]);
    put_pair(weights_.data<float>() + 2 * i, weights[i]);
    float* tile = factor_.data<float>() + i / width * blocks * 4 * width + i % width;
    for (std::size_t k = 0; k < rank; ++k) tile[k * width] = static_cast<float>(model.factor(i, k));
  }
}

// How many steps of how many paths go into one command buffer, and what a path leaves for the next one.
void Paths::plan_work() {
  const double width = 4.0 * params_.quads, normals = 4.0 * params_.blocks;
  const double tile = normals * (kDraw + width) + kPair * width + kChi * params_.degrees;
  const double step = tile * params_.tiles, thread = holds_ ? tile : step;
  const double most = std::min(kThreadWork / thread, kWork / (static_cast<double>(kFewPaths) * step));
  steps_ = static_cast<std::size_t>(std::clamp(most, 1.0, static_cast<double>(options_.horizon)));
  const double work = step * static_cast<double>(steps_), scenarios = static_cast<double>(options_.scenarios);
  paths_ = static_cast<std::size_t>(std::min(std::max(kWork / work, static_cast<double>(kFewPaths)), scenarios));
  const std::size_t grown = steps_ < options_.horizon ? params_.tiles * 4 * params_.quads : 0;
  const std::size_t pair = 2 * sizeof(float), bytes = holds_ ? (grown + params_.tiles) * pair : 0;
  if (!holds_) return;
  paths_ = std::clamp(kStateBytes / bytes, std::size_t{1}, paths_);
  growth_ = gpu_.allocate(std::max(grown * paths_ * pair, pair));
  earned_ = gpu_.allocate(params_.tiles * paths_ * pair);
}

SimulateParams Paths::slice(std::size_t first, std::size_t count) const {
  SimulateParams out = params_;
  out.path_low = narrow(first);
  out.path_high = narrow(static_cast<std::uint64_t>(first) >> 32);
  out.paths = narrow(count);
  return out;
}

Dispatch Paths::over_paths(const char* kernel, std::vector<Argument> arguments, std::size_t paths,
                           std::uint32_t rows) const {
  const std::size_t threads = std::min(gpu_.threads_limit(kernel), kMostThreads) / 32 * 32;
  if (threads == 0) throw Failure(std::string(kernel) + " needs 32 threads a threadgroup");
  return {kernel, std::move(arguments), {narrow((paths + threads - 1) / threads), rows, 1}, narrow(threads), {}};
}

void Paths::simulate(std::size_t first, std::size_t count, const Buffer& profits) {
  for (std::size_t done = 0; done < count; done += paths_) {
    SimulateParams part = slice(first + done, std::min(paths_, count - done));
    part.offset = narrow(done);
    follow(part, profits);
  }
}

void Paths::follow(SimulateParams part, const Buffer& profits) {
  for (std::size_t step = 0; step < options_.horizon; step += steps_) {
    part.first_step = narrow(step);
    part.steps = narrow(std::min(steps_, options_.horizon - step));
    const std::vector<Argument> model = {Argument::buffer(mean_), Argument::buffer(factor_), Argument::buffer(weights_),
                                         Argument::value(part)};
    std::vector<Argument> arguments = {Argument::buffer(profits)};
    if (holds_) arguments = {Argument::buffer(growth_), Argument::buffer(earned_)};
    arguments.insert(arguments.end(), model.begin(), model.end());
    const char* kernel = holds_ ? "simulate_held" : "simulate_rebalanced";
    std::vector<Dispatch> work = {over_paths(kernel, arguments, part.paths, holds_ ? params_.tiles : 1)};
    if (holds_ && step + steps_ >= options_.horizon) {
      work.push_back(over_paths("simulate_held_profits",
                                {Argument::buffer(profits), Argument::buffer(earned_), Argument::value(part)},
                                part.paths, 1));
    }
    gpu_.run(work);
  }
}

void Paths::keep_returns(Matrix& kept) {
  const std::size_t row = kept.cols * sizeof(float);
  const std::size_t most = std::clamp(kStateBytes / row, std::size_t{1}, paths_);
  const Buffer returns = gpu_.allocate(most * row);
  for (std::size_t first = 0; first < kept.rows; first += most) {
    const SimulateParams part = slice(first, std::min(most, kept.rows - first));
    gpu_.run({over_paths(
        "simulate_returns",
        {Argument::buffer(returns), Argument::buffer(mean_), Argument::buffer(factor_), Argument::value(part)},
        part.paths, params_.tiles)});
    std::copy_n(returns.data<float>(), part.paths * kept.cols,
                kept.data.begin() + static_cast<std::ptrdiff_t>(first * kept.cols));
  }
}

}  // namespace portfolio::metal
