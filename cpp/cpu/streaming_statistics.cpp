#include "streaming_statistics.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "scenario_steps.hpp"

namespace portfolio {
namespace {

constexpr std::size_t kFirst = 8192;                  // values before the first narrowing
constexpr std::size_t kRound = std::size_t{1} << 18;  // most values of a round: their parts are in memory
constexpr double kDeviations = 6.0, kRanks = 6.0;

// Puts the order statistics `first` .. `last` (ascending ranks, less `offset`) of the values in their places.
void select(std::vector<double>& values, std::size_t from, std::size_t to, const std::size_t* first,
            const std::size_t* last, std::size_t offset) {
  if (first == last || to - from < 2) return;
  const std::size_t* middle = first + (last - first) / 2;
  const auto place = [&](std::size_t k) { return values.begin() + static_cast<std::ptrdiff_t>(k); };
  const std::size_t at = *middle - offset;
  std::nth_element(place(from), place(at), place(to));
  select(values, from, at, first, middle, offset);
  select(values, at + 1, to, middle + 1, last, offset);
}

void add_to(ShiftedSums& sums, double value) {
  const double away = value - sums.shift;
  sums.sum += away;
  sums.squares += away * away;
}

// Sums of values - shift and of its square over the values up to `limit`, in eight chains that run side by side.
void add_up(const double* values, std::size_t count, double limit, double shift, double& sum, double& squares) {
  constexpr std::size_t kChains = 8;
  double sums[kChains] = {}, more[kChains] = {};
  const auto add = [&](std::size_t k, std::size_t chain) {
    const double away = values[k] <= limit ? values[k] - shift : 0.0;
    sums[chain] += away;
    more[chain] += away * away;
  };
  std::size_t k = 0;
  for (; k + kChains <= count; k += kChains) {
    for (std::size_t chain = 0; chain < kChains; ++chain) add(k + chain, chain);
  }
  for (; k < count; ++k) add(k, k % kChains);
  for (std::size_t chain = 0; chain < kChains; ++chain) {
    sum += sums[chain];
    squares += more[chain];
  }
}

// Where the value of rank `rank` among `total` may rank among the first `seen`.
struct Span {
  double low, high;
};
Span span_of(std::size_t rank, std::size_t total, std::size_t seen) {
  const double n = static_cast<double>(seen), p = (static_cast<double>(rank) + 0.5) / static_cast<double>(total);
  const double unseen = 1.0 - n / static_cast<double>(total);
  const double away = kDeviations * std::sqrt(n * p * (1.0 - p) * unseen) + kRanks;
  return {std::floor(n * p - away), std::ceil(n * p + away)};
}

}  // namespace

StreamingStatistics::StreamingStatistics(const SimulateOptions& options, double expected, bool narrowing)
    : plan_(options),
      total_(options.scenarios),
      narrowing_(narrowing),
      all_{std::isfinite(expected) ? expected : options.initial_value},
      below_tail_{options.initial_value} {
  const double infinite = std::numeric_limits<double>::infinity();
  brackets_.push_back({0, plan_.ranks().size(), -infinite, infinite, 0, {}});
}

std::size_t StreamingStatistics::next() const { return std::min({std::max(kFirst, seen_), kRound, total_ - seen_}); }

StreamingStatistics::Part StreamingStatistics::gather(double* values, std::size_t count) const {
  const std::size_t room = (count + kStrip - 1) / kStrip * kStrip;
  std::fill(values + count, values + room, std::numeric_limits<double>::infinity());  // below nothing
  Part part;
  add_up(values, count, std::numeric_limits<double>::infinity(), all_.shift, part.sum, part.squares);
  std::vector<double> low, high;
  for (const Bracket& bracket : brackets_) {
    low.push_back(bracket.low);
    high.push_back(bracket.high);
  }
  std::vector<std::int64_t> inside(room);
  part.below.assign(brackets_.size(), 0);
  PORTFOLIO_SIMD_CHOOSE(scenario_kernels)
      .sort_out(values, room, low.data(), high.data(), low.size(), part.below.data(), inside.data());
  part.kept.resize(brackets_.size());
  for (std::size_t k = 0; k < count; ++k) {
    if (inside[k] == 0) continue;
    for (std::size_t b = 0; b < low.size(); ++b) {
      if (values[k] >= low[b] && values[k] <= high[b]) part.kept[b].push_back(values[k]);
    }
  }
  const double below = std::nextafter(brackets_[tail_].low, -std::numeric_limits<double>::infinity());
  add_up(values, count, below, below_tail_.shift, part.tail_sum, part.tail_squares);
  return part;
}

void StreamingStatistics::add(std::vector<Part>& parts, std::size_t count) {
  for (const Part& part : parts) {
    all_.sum += part.sum;
    all_.squares += part.squares;
    below_tail_.sum += part.tail_sum;
    below_tail_.squares += part.tail_squares;
    for (std::size_t b = 0; b < brackets_.size(); ++b) {
      brackets_[b].below += static_cast<std::size_t>(part.below[b]);
      brackets_[b].kept.insert(brackets_[b].kept.end(), part.kept[b].begin(), part.kept[b].end());
    }
  }
  seen_ += count;
  if (narrowing_ && seen_ < total_ && seen_ >= 2 * narrowed_) narrow();
}

void StreamingStatistics::narrow() {
  std::vector<Bracket> narrower;
  std::size_t tail = 0;
  for (const Bracket& old : brackets_) {
    std::size_t inside = std::numeric_limits<std::size_t>::max();
    std::vector<Bracket> parts = split(old, inside);
    if (inside < parts.size()) tail = narrower.size() + inside;
    std::move(parts.begin(), parts.end(), std::back_inserter(narrower));
  }
  if (std::isinf(brackets_[tail_].low)) {  // nothing is below yet
    below_tail_.shift = std::isfinite(narrower[tail].low) ? narrower[tail].low : all_.shift;
  }
  for (const double value : brackets_[tail_].kept) {
    if (value < narrower[tail].low) add_to(below_tail_, value);
  }
  brackets_ = std::move(narrower);
  tail_ = tail;
  narrowed_ = seen_;
}

// The brackets that the ranks of `old` need from now on; `tail` is set if one of them holds the tail's edge.
std::vector<StreamingStatistics::Bracket> StreamingStatistics::split(const Bracket& old, std::size_t& tail) const {
  const auto& ranks = plan_.ranks();
  std::vector<double> values = old.kept;
  const auto value_at = [&](double rank, double outside) {
    const double place = rank - static_cast<double>(old.below);
    if (!(place >= 0.0 && place < static_cast<double>(values.size()))) return outside;
    const auto k = values.begin() + static_cast<std::ptrdiff_t>(place);
    std::nth_element(values.begin(), k, values.end());
    return *k;
  };
  std::vector<Bracket> out;
  for (std::size_t first = old.first, last; first < old.last; first = last) {
    Span span = span_of(ranks[first], total_, seen_);
    for (last = first + 1; last < old.last; ++last) {
      const Span other = span_of(ranks[last], total_, seen_);
      if (other.low > span.high) break;
      span.high = std::max(span.high, other.high);
    }
    Bracket part{first, last, value_at(span.low, old.low), value_at(span.high, old.high), old.below, {}};
    for (const double value : old.kept) {
      if (value < part.low) ++part.below;
      if (value >= part.low && value <= part.high) part.kept.push_back(value);
    }
    for (std::size_t k = first; k < last; ++k) {
      if (ranks[k] == plan_.tail_rank()) tail = out.size();
    }
    out.push_back(std::move(part));
  }
  return out;
}

bool StreamingStatistics::finish(SimulateResult& result) {
  const auto& ranks = plan_.ranks();
  std::vector<double> order(ranks.size());
  for (Bracket& bracket : brackets_) {
    const std::size_t end = bracket.below + bracket.kept.size();
    if (ranks[bracket.first] < bracket.below || ranks[bracket.last - 1] >= end) return false;
    select(bracket.kept, 0, bracket.kept.size(), ranks.data() + bracket.first, ranks.data() + bracket.last,
           bracket.below);
    for (std::size_t k = bracket.first; k < bracket.last; ++k) order[k] = bracket.kept[ranks[k] - bracket.below];
  }
  Bracket& tail = brackets_[tail_];
  const auto edge = tail.kept.begin() + static_cast<std::ptrdiff_t>(plan_.tail_rank() - tail.below);
  std::sort(tail.kept.begin(), edge);  // so that the sum does not depend on how the selection left it
  for (auto value = tail.kept.begin(); value != edge; ++value) add_to(below_tail_, *value);
  plan_.finish(order, all_, below_tail_, result);
  return true;
}

}  // namespace portfolio
