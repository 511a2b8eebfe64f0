// The shaders that count, sum and select in a chunk of a sample, on the emulator, against sorting it in float64.
#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

#include "check.hpp"
#include "emulator.hpp"
#include "params.h"

namespace {

using Pair = std::array<float, 2>;
using Sums = std::array<float, 4>;

constexpr std::uint32_t kGroup = 16384;  // values of a threadgroup

double value(const Pair& pair) { return static_cast<double>(pair[0]) + static_cast<double>(pair[1]); }

// Profits with ties, zeros of both signs and a long tail.
std::vector<Pair> sample(std::uint32_t count) {
  std::mt19937 random(count);
  std::normal_distribution<float> normal;
  std::vector<Pair> out(count);
  for (std::uint32_t k = 0; k < count; ++k) {
    const float z = normal(random), x = k % 7 == 0 ? 0.0f : (k % 7 == 1 ? -0.0f : 0.01f + 0.05f * z * z * z);
    out[k] = {x, 1e-9f * x};
  }
  return out;
}

SampleParams params(std::uint32_t count, std::size_t edges) {
  SampleParams p{};
  p.count = count;
  p.edges = static_cast<std::uint32_t>(edges);
  p.shift = 0.125f;
  p.shift_low = 1e-9f;
  return p;
}

std::uint32_t groups(std::uint32_t count) { return (count + kGroup - 1) / kGroup; }

void run(const char* kernel, std::uint32_t count, std::uint32_t threads, std::vector<emulator::Argument> arguments) {
  emulator::dispatch(kernel, {std::move(arguments), {groups(count), 1, 1}, {threads, 1, 1}, {}});
}

struct Moments {
  double sum = 0.0, squares = 0.0;
};

Moments total(const std::vector<Sums>& sums) {
  Moments out;
  for (const Sums& s : sums) {
    out.sum += static_cast<double>(s[0]) + static_cast<double>(s[1]);
    out.squares += static_cast<double>(s[2]) + static_cast<double>(s[3]);
  }
  return out;
}

Moments wanted_moments(const std::vector<Pair>& values, double below) {
  Moments out;
  const double shift = static_cast<double>(0.125f) + static_cast<double>(1e-9f);
  for (const Pair& pair : values) {
    if (!(static_cast<double>(pair[0]) < below)) continue;
    out.sum += value(pair) - shift;
    out.squares += (value(pair) - shift) * (value(pair) - shift);
  }
  return out;
}

// Sums of 48 bits: what 16384 additions of pairs lose is far below what float32 would.
void check_moments(const Moments& got, const Moments& want) {
  CHECK_NEAR(got.sum, want.sum, 1e-11 * (1.0 + want.squares + std::fabs(want.sum)));
  CHECK_NEAR(got.squares, want.squares, 1e-11 * (1.0 + want.squares));
}

void moments(std::uint32_t count, std::uint32_t threads) {
  const std::vector<Pair> values = sample(count);
  std::vector<Sums> sums(groups(count)), again(groups(count));
  for (auto* out : {&sums, &again}) {
    run("sample_moments", count, threads,
        {emulator::buffer(values), emulator::buffer(*out), emulator::value(params(count, 0))});
  }
  check_moments(total(sums), wanted_moments(values, 1e30));
  CHECK(sums == again);
}

// Distinct ascending edges out of the sample itself, so that values lie on them.
std::vector<float> edges_of(const std::vector<Pair>& values, std::size_t most) {
  std::vector<float> edges;
  for (std::size_t k = 0; k < values.size() && edges.size() < 4 * most; k += 1 + values.size() / (4 * most)) {
    edges.push_back(values[k][0]);
  }
  std::sort(edges.begin(), edges.end());
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  if (edges.size() > most) edges.resize(most);
  return edges;
}

std::size_t bin_of(const std::vector<float>& edges, float x) {
  return static_cast<std::size_t>(std::upper_bound(edges.begin(), edges.end(), x) - edges.begin());
}

void histogram(std::uint32_t count, std::uint32_t threads, std::size_t most) {
  const std::vector<Pair> values = sample(count);
  const std::vector<float> edges = edges_of(values, most);
  std::vector<std::uint32_t> counts(edges.size() + 1), want(edges.size() + 1);
  for (const Pair& pair : values) ++want[bin_of(edges, pair[0])];
  run("sample_histogram", count, threads,
      {emulator::buffer(values), emulator::buffer(edges), emulator::buffer(counts),
       emulator::value(params(count, edges.size()))});
  CHECK(counts == want);
}

void gather(std::uint32_t count, std::uint32_t threads, std::size_t most) {
  const std::vector<Pair> values = sample(count);
  const std::vector<float> edges = edges_of(values, most);
  std::vector<std::uint32_t> wanted(edges.size() + 1), found = {0};
  for (std::size_t b = 0; b < wanted.size(); b += 3) wanted[b] = 1;
  SampleParams p = params(count, edges.size());
  p.tail_bin = p.edges / 2;
  std::vector<double> want, got;
  for (const Pair& pair : values) {
    if (wanted[bin_of(edges, pair[0])] > 0) want.push_back(value(pair));
  }
  p.capacity = static_cast<std::uint32_t>(want.size() / 2);  // the rest is counted and dropped
  for (const std::uint32_t capacity : {p.capacity, p.capacity + count}) {
    std::vector<Pair> gathered(std::max(capacity, 1u), Pair{-7.0f, -7.0f});
    std::vector<Sums> sums(groups(count));
    p.capacity = capacity;
    found[0] = 0;
    run("sample_gather", count, threads,
        {emulator::buffer(values), emulator::buffer(edges), emulator::buffer(wanted), emulator::buffer(found),
         emulator::buffer(gathered), emulator::buffer(sums), emulator::value(p)});
    CHECK(found[0] == want.size());
    check_moments(total(sums), wanted_moments(values, p.tail_bin > 0 ? edges[p.tail_bin - 1] : -1e30));
    if (capacity < want.size()) continue;
    for (std::size_t k = 0; k < want.size(); ++k) got.push_back(value(gathered[k]));
    CHECK(gathered[want.size()][0] == -7.0f);  // nothing behind
  }
  std::sort(want.begin(), want.end());
  std::sort(got.begin(), got.end());
  CHECK(got == want);
}

}  // namespace

int main() {
  for (const std::uint32_t count : {1u, 31u, 32u, 33u, 255u, 257u, 1001u, kGroup - 1, kGroup, kGroup + 1, 40001u}) {
    const std::uint32_t threads = count % 2 == 0 ? 256 : 32;
    moments(count, threads);
    for (const std::size_t edges : {1u, 2u, 33u, 2047u}) {
      histogram(count, threads, edges);
      gather(count, threads, edges);
    }
  }
  return check::finish();
}
