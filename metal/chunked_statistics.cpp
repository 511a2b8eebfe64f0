// Order statistics by histogram: count between edges, narrow the bins that hold a rank that is needed until few values
// are in them, gather those and sort them in float64.
#include "chunked_statistics.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "kernels/params.h"
#include "sample_statistics.hpp"

namespace portfolio::metal {
namespace {

constexpr std::size_t kGroup = 16384;  // values of a threadgroup, as in chunked_statistics.metal
constexpr std::size_t kMostThreads = 256;
constexpr int kRounds = 8;  // each narrows a bin to a sixtieth or less: more than 2^32 floats need

struct Pair {
  float high, low;
  double value() const { return static_cast<double>(high) + static_cast<double>(low); }
};

// Floats in their order as integers in theirs.
std::int64_t key(float value) {
  const auto bits = std::bit_cast<std::int32_t>(value);
  return bits >= 0 ? bits : std::int64_t{std::numeric_limits<std::int32_t>::min()} - bits;
}
float from_key(std::int64_t k) {
  return std::bit_cast<float>(static_cast<std::int32_t>(k >= 0 ? k : std::numeric_limits<std::int32_t>::min() - k));
}

// Counts between ascending edges: bin b holds what is at or above edge b - 1 and below edge b.
struct Histogram {
  std::vector<float> edges;
  std::vector<std::uint64_t> counts, below;  // below: in all lower bins

  float lower(std::size_t bin) const { return bin == 0 ? std::numeric_limits<float>::lowest() : edges[bin - 1]; }
  float upper(std::size_t bin) const { return bin == edges.size() ? std::numeric_limits<float>::max() : edges[bin]; }
  bool single(std::size_t bin) const { return bin > 0 && bin < edges.size() && key(upper(bin)) - key(lower(bin)) <= 1; }
  std::size_t bin_of(std::size_t rank) const {
    return static_cast<std::size_t>(std::upper_bound(below.begin(), below.end(), rank) - below.begin()) - 1;
  }
};

class Statistics {
 public:
  Statistics(Gpu& gpu, const Chunks& chunks, double expected, const SimulateOptions& options)
      : gpu_(gpu),
        chunks_(chunks),
        options_(options),
        plan_(options),
        edges_(gpu.allocate(kMostBuckets * sizeof(float))),
        counts_(gpu.allocate(kMostBuckets * sizeof(std::uint32_t))),
        centre_(expected) {}

  void run(SimulateResult& result) {
    const ShiftedSums all = first_pass();
    for (int round = 0; locate() > kCandidates; ++round) {
      if (round == kRounds) throw Failure("a histogram did not narrow");
      narrow();
    }
    const ShiftedSums tail = gather();
    std::vector<double> order;
    for (const std::size_t rank : plan_.ranks()) order.push_back(money(at(rank)));
    plan_.finish(order, all, tail, result);
  }

 private:
  double money(double profit) const { return options_.initial_value + options_.initial_value * profit; }
  ShiftedSums in_money(const ShiftedSums& sums) const {
    const double unit = options_.initial_value;
    return {money(sums.shift), unit * sums.sum, unit * unit * sums.squares};
  }
  std::uint32_t threads(const char* kernel) const {
    const std::size_t most = std::bit_floor(std::min(gpu_.threads_limit(kernel), kMostThreads));
    if (most < 32) throw Failure(std::string(kernel) + " needs 32 threads a threadgroup");
    return static_cast<std::uint32_t>(most);
  }
  SampleParams params(std::uint32_t count, double shift) const {
    const auto high = static_cast<float>(shift);
    return {count, static_cast<std::uint32_t>(histogram_.edges.size()),   0, static_cast<std::uint32_t>(kCandidates),
            high,  static_cast<float>(shift - static_cast<double>(high)), {}};
  }
  static std::uint32_t groups(std::uint32_t count) { return static_cast<std::uint32_t>((count + kGroup - 1) / kGroup); }
  void dispatch(const char* kernel, std::vector<Argument> arguments, std::uint32_t count) {
    gpu_.run({{kernel, std::move(arguments), {groups(count), 1, 1}, threads(kernel), {}}});
  }
  Buffer room_for_sums(std::uint32_t count) { return gpu_.allocate(groups(count) * 4 * sizeof(float)); }

  ShiftedSums first_pass();
  void count(const Buffer& profits, std::uint32_t length);
  void finish_counts();
  void set_edges(std::vector<float> edges);
  void sample_edges(const Pair* values, std::size_t count);
  std::size_t locate();
  void narrow();
  ShiftedSums gather();
  double at(std::size_t rank) const;
  void add(const Buffer& sums, std::uint32_t length, ShiftedSums& total) const;

  Gpu& gpu_;
  const Chunks& chunks_;
  const SimulateOptions& options_;
  const StatisticsPlan plan_;
  Buffer edges_, counts_;
  double centre_;
  Histogram histogram_;
  std::vector<std::size_t> wanted_;     // bins that are gathered, ascending
  std::vector<double> candidates_;      // their values, ascending
  std::vector<std::size_t> candidate_;  // where the values of each of `wanted_` begin
};

void Statistics::add(const Buffer& sums, std::uint32_t length, ShiftedSums& total) const {
  for (std::uint32_t group = 0; group < groups(length); ++group) {
    const Pair* pairs = sums.data<Pair>() + 2 * group;
    total.sum += pairs[0].value();
    total.squares += pairs[1].value();
  }
}

// Moments of all chunks, and a first histogram between edges that the first chunk suggests.
ShiftedSums Statistics::first_pass() {
  ShiftedSums all{static_cast<double>(static_cast<float>(centre_))};
  chunks_([&](const Buffer& profits, std::uint32_t length) {
    const Buffer sums = room_for_sums(length);
    dispatch("sample_moments",
             {Argument::buffer(profits), Argument::buffer(sums), Argument::value(params(length, all.shift))}, length);
    add(sums, length, all);
    if (!std::isfinite(all.sum) || !std::isfinite(all.squares)) throw OutOfRange("a value is beyond float32's range");
    if (histogram_.edges.empty()) sample_edges(profits.data<Pair>(), length);
    count(profits, length);
  });
  finish_counts();
  return in_money(all);
}

void Statistics::set_edges(std::vector<float> edges) {
  std::sort(edges.begin(), edges.end());
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  std::copy(edges.begin(), edges.end(), edges_.data<float>());
  histogram_ = {std::move(edges), {}, {}};
  histogram_.counts.assign(histogram_.edges.size() + 1, 0);
}

// Edges between which about as many values are to be expected.
void Statistics::sample_edges(const Pair* values, std::size_t count) {
  const std::size_t taken = std::min(count, kMostBuckets - 1);
  std::vector<float> edges(taken);
  for (std::size_t k = 0; k < taken; ++k) edges[k] = values[k * count / taken].high;
  set_edges(std::move(edges));
}

void Statistics::count(const Buffer& profits, std::uint32_t length) {
  auto* counts = counts_.data<std::uint32_t>();
  std::fill_n(counts, kMostBuckets, 0u);
  dispatch("sample_histogram",
           {Argument::buffer(profits), Argument::buffer(edges_), Argument::buffer(counts_),
            Argument::value(params(length, centre_))},
           length);
  for (std::size_t b = 0; b < histogram_.counts.size(); ++b) histogram_.counts[b] += counts[b];
}

void Statistics::finish_counts() {
  std::uint64_t sum = 0;
  for (const std::uint64_t here : histogram_.counts) {
    histogram_.below.push_back(sum);
    sum += here;
  }
  if (sum != options_.scenarios) throw Failure("a histogram on the GPU lost values");
}

// The bins to gather; how many values are in them.
std::size_t Statistics::locate() {
  wanted_.clear();
  candidate_.clear();
  std::size_t values = 0;
  for (const std::size_t rank : plan_.ranks()) {
    const std::size_t bin = histogram_.bin_of(rank);
    if (histogram_.single(bin) || (!wanted_.empty() && wanted_.back() == bin)) continue;
    wanted_.push_back(bin);
    candidate_.push_back(values);
    values += static_cast<std::size_t>(histogram_.counts[bin]);
  }
  return values;
}

// New edges inside the wanted bins, and another count.
void Statistics::narrow() {
  const auto pieces = static_cast<std::int64_t>((kMostBuckets - 1) / wanted_.size()) - 1;
  std::vector<float> edges;
  for (const std::size_t bin : wanted_) {
    const std::int64_t low = key(histogram_.lower(bin)), wide = key(histogram_.upper(bin)) - low;
    for (std::int64_t k = 0; k <= pieces; ++k) edges.push_back(from_key(low + wide * k / pieces));
  }
  set_edges(std::move(edges));
  chunks_([&](const Buffer& profits, std::uint32_t length) { count(profits, length); });
  finish_counts();
}

// Collects the candidates, and the sums over what is below the tail's edge.
ShiftedSums Statistics::gather() {
  const std::size_t tail_bin = histogram_.bin_of(plan_.tail_rank());
  ShiftedSums tail{static_cast<double>(histogram_.edges[tail_bin > 0 ? tail_bin - 1 : 0])};
  const Buffer wanted = gpu_.allocate(kMostBuckets * sizeof(std::uint32_t)),
               found = gpu_.allocate(sizeof(std::uint32_t));
  const Buffer gathered = gpu_.allocate(kCandidates * sizeof(Pair));
  std::fill_n(wanted.data<std::uint32_t>(), kMostBuckets, 0u);
  std::uint64_t expected = 0;
  for (const std::size_t bin : wanted_) {
    wanted.data<std::uint32_t>()[bin] = 1;
    expected += histogram_.counts[bin];
  }
  *found.data<std::uint32_t>() = 0;
  chunks_([&](const Buffer& profits, std::uint32_t length) {
    const Buffer sums = room_for_sums(length);
    SampleParams p = params(length, tail.shift);
    p.tail_bin = static_cast<std::uint32_t>(tail_bin);
    dispatch("sample_gather",
             {Argument::buffer(profits), Argument::buffer(edges_), Argument::buffer(wanted), Argument::buffer(found),
              Argument::buffer(gathered), Argument::buffer(sums), Argument::value(p)},
             length);
    add(sums, length, tail);
  });
  if (*found.data<std::uint32_t>() != expected) throw Failure("a selection on the GPU lost values");
  for (std::uint64_t k = 0; k < expected; ++k) candidates_.push_back(gathered.data<Pair>()[k].value());
  std::sort(candidates_.begin(), candidates_.end());  // the order of arrival is the GPU's
  for (std::size_t rank = static_cast<std::size_t>(histogram_.below[tail_bin]); rank < plan_.tail_rank(); ++rank) {
    const double away = at(rank) - tail.shift;
    tail.sum += away;
    tail.squares += away * away;
  }
  return in_money(tail);
}

double Statistics::at(std::size_t rank) const {
  const std::size_t bin = histogram_.bin_of(rank);
  if (histogram_.single(bin)) return static_cast<double>(histogram_.lower(bin));
  const auto k = static_cast<std::size_t>(std::lower_bound(wanted_.begin(), wanted_.end(), bin) - wanted_.begin());
  return candidates_[candidate_[k] + rank - static_cast<std::size_t>(histogram_.below[bin])];
}

}  // namespace

void summarise(Gpu& gpu, const Chunks& chunks, double expected, const SimulateOptions& options,
               SimulateResult& result) {
  if (!std::isfinite(static_cast<float>(expected))) throw OutOfRange("the mean is beyond float32's range");
  Statistics(gpu, chunks, expected, options).run(result);
}

}  // namespace portfolio::metal
