// Simdgroup operations and builtins, against what the Metal Shading Language says of each.
#include <algorithm>
#include <functional>
#include <numeric>

#include "run.hpp"

namespace {
using emulator::buffer;
using emulator::dispatch;
constexpr int threads = 64;

template <class T>
void row_is(const std::vector<T>& rows, int row, const std::vector<T>& values,
            const std::function<T(const std::vector<T>& lanes, int lane)>& expected) {
  for (int t = 0; t < threads; ++t) {
    const auto first = values.begin() + t / 32 * 32;
    const std::vector<T> lanes(first, first + 32);
    const T got = rows[static_cast<std::size_t>(row * threads + t)], want = expected(lanes, t % 32);
    const std::string text = "row " + std::to_string(row) + ", thread " + std::to_string(t) + ": " +
                             std::to_string(got) + ", expected " + std::to_string(want);
    check::that(got == want || (got != got && want != want), text.c_str(), __FILE__, __LINE__);
  }
}

// Values whose sums are exact in any order, so that one expectation holds for every seed.
void floats(std::uint64_t seed) {
  emulator::set_options(with(seed));
  std::vector<float> values(threads), rows(12 * threads, -1.0f);
  for (int t = 0; t < threads; ++t) values[static_cast<std::size_t>(t)] = float((t * 37) % 64) - 20.25f;
  dispatch("simd_floats", {.arguments = {buffer(values), buffer(rows)}, .threads = {threads}});
  using Lanes = std::vector<float>;
  const auto is = [&](int row, const std::function<float(const Lanes&, int)>& f) {
    row_is<float>(rows, row, values, f);
  };
  const auto sum = [](const Lanes& v, int last) { return std::accumulate(v.begin(), v.begin() + last, 0.0f); };
  const auto at = [](const Lanes& v, int lane) {
    return lane >= 0 && lane < 32 ? v[static_cast<std::size_t>(lane)] : std::nanf("");
  };
  is(0, [&](const Lanes& v, int) { return sum(v, 32); });
  is(1, [](const Lanes& v, int) { return *std::max_element(v.begin(), v.end()); });
  is(2, [](const Lanes& v, int) { return *std::min_element(v.begin(), v.end()); });
  is(3, [&](const Lanes& v, int) { return at(v, 5); });
  is(4, [&](const Lanes& v, int lane) { return at(v, (lane * 7 + 3) % 32); });
  is(5, [&](const Lanes& v, int lane) { return at(v, lane ^ 9); });
  is(6, [&](const Lanes& v, int lane) { return at(v, lane + 3); });
  is(7, [&](const Lanes& v, int lane) { return at(v, lane - 4); });
  is(8, [&](const Lanes& v, int lane) { return sum(v, lane); });
  is(9, [&](const Lanes& v, int lane) { return sum(v, lane + 1); });
  is(10, [&](const Lanes& v, int) { return sum(v, 32); });
  is(11, [&](const Lanes& v, int lane) { return at(v, lane ^ 31); });
}

void integers() {
  std::vector<std::uint32_t> values(threads), rows(10 * threads);
  for (int t = 0; t < threads; ++t) values[static_cast<std::size_t>(t)] = static_cast<std::uint32_t>((t * 29) % 64 + 1);
  dispatch("simd_integers", {.arguments = {buffer(values), buffer(rows)}, .threads = {threads}});
  using Lanes = std::vector<std::uint32_t>;
  const auto is = [&](int row, const std::function<std::uint32_t(const Lanes&)>& f) {
    row_is<std::uint32_t>(rows, row, values, [&](const Lanes& v, int) { return f(v); });
  };
  const std::uint32_t seventh = values[7];
  const auto holds = [&](const Lanes& v) { return std::count(v.begin(), v.end(), seventh) > 0; };
  is(0, [](const Lanes& v) { return std::accumulate(v.begin(), v.end(), 0u); });
  is(1, [](const Lanes& v) { return *std::max_element(v.begin(), v.end()); });
  is(2, [](const Lanes& v) { return *std::min_element(v.begin(), v.end()); });
  is(3, [](const Lanes& v) { return 0u - std::accumulate(v.begin(), v.end(), 0u); });
  is(4, [](const Lanes& v) { return 0u - *std::min_element(v.begin(), v.end()); });
  is(5, [](const Lanes& v) { return 0u - *std::max_element(v.begin(), v.end()); });
  is(6, [&](const Lanes& v) { return holds(v) ? 1u : 0u; });
  is(7, [&](const Lanes& v) { return holds(v) ? 0u : 1u; });
  is(8, [](const Lanes&) { return 0u; });
  is(9, [](const Lanes&) { return 1u; });
}

// Sums of values of mixed size depend on the order, which a seed must change and the same seed repeat.
void order_of_sums() {
  std::vector<float> values(threads);
  for (int t = 0; t < threads; ++t) values[static_cast<std::size_t>(t)] = std::exp(float(t % 19)) / 3.0f;
  const auto sum = [&](std::uint64_t seed) {
    emulator::set_options(with(seed));
    std::vector<float> rows(12 * threads);
    dispatch("simd_floats", {.arguments = {buffer(values), buffer(rows)}, .threads = {threads}});
    for (int t = 1; t < 32; ++t) CHECK(rows[static_cast<std::size_t>(t)] == rows[0]);
    return rows[0];
  };
  bool differs = false;
  for (std::uint64_t seed = 1; seed < 20; ++seed) {
    const float one = sum(seed);
    CHECK(one == sum(seed));
    differs = differs || one != sum(0);
  }
  CHECK(differs);
}

void builtins() {
  const emulator::Extent groups{3, 2, 2}, inner{8, 4, 2};
  const std::size_t count = groups.count() * inner.count(), columns = 23;
  std::vector<std::uint32_t> out(count * columns, 99);
  dispatch("positions3", {.arguments = {buffer(out)}, .groups = groups, .threads = inner});
  std::size_t row = 0;
  for (unsigned z = 0; z < 4; ++z) {
    for (unsigned y = 0; y < 8; ++y) {
      for (unsigned x = 0; x < 24; ++x, ++row) {
        const unsigned ix = x % 8, iy = y % 4, iz = z % 2, t = (iz * 4 + iy) * 8 + ix;
        const std::vector<std::uint32_t> want = {x, y, z, ix, iy, iz, x / 8, y / 4,  z / 2,  24, 8, 4,
                                                 8, 4, 2, 3,  2,  2,  t,     t % 32, t / 32, 2,  32};
        for (std::size_t i = 0; i < columns; ++i) CHECK(out[row * columns + i] == want[i]);
      }
    }
  }
  std::vector<std::uint32_t> plane(64 * 6);
  dispatch("positions2", {.arguments = {buffer(plane)}, .groups = {2, 3}, .threads = {32, 2}});
  for (unsigned i = 0; i < plane.size(); ++i) CHECK(plane[i] == 100 * (i / 64) + i % 64);
  refused("position1", {.arguments = {buffer(plane)}, .groups = {2, 2}, .threads = {32}}, {"one number"});
}
}  // namespace

int main() {
  for (const std::uint64_t seed : {0, 1, 2}) floats(seed);
  emulator::set_options({});
  integers();
  std::vector<float> out(32);
  refused("simd_beyond", {.arguments = {buffer(out)}, .threads = {32}}, {"beyond the 32", "simd.metal:"});
  order_of_sums();
  builtins();
  return check::finish();
}
