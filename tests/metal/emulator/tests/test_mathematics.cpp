// Functions of one thread: against double precision, and the noise that belongs to some of them only.
#include <algorithm>
#include <bit>
#include <cfloat>
#include <functional>

#include "run.hpp"

namespace {
using emulator::buffer;
using emulator::dispatch;
using Floats = std::vector<float>;
using Words = std::vector<std::uint32_t>;

std::size_t size(int n) { return static_cast<std::size_t>(n); }

double ulps(float got, double want) {
  const float near = static_cast<float>(want);
  return std::fabs(got - want) / (std::nextafter(std::fabs(near), INFINITY) - std::fabs(near));
}

// Largest error of the five functions in units in the last place, and how many results noise has moved.
void transcendentals(int noise) {
  const std::vector<double (*)(double)> exact = {
      [](double x) { return std::exp(x); }, [](double x) { return std::log(x); }, [](double x) { return std::sin(x); },
      [](double x) { return std::cos(x); }, [](double x) { return 1.0 / std::sqrt(x); }};
  Floats values(256), rows(5 * 256), quiet(5 * 256);
  for (int i = 0; i < 256; ++i) values[size(i)] = 0.01f + 0.17f * float(i);
  const emulator::Launch launch{.arguments = {buffer(values), buffer(rows)}, .groups = {4}, .threads = {64}};
  emulator::set_options(with(0, 0));
  dispatch("transcendentals", launch);
  quiet = rows;
  emulator::set_options(with(3, noise));
  dispatch("transcendentals", launch);
  for (int f = 0; f < 5; ++f) {
    double worst = 0;
    int moved = 0;
    for (int i = 0; i < 256; ++i) {
      const std::size_t at = size(f * 256 + i);
      worst = std::max(worst, ulps(rows[at], exact[size(f)](double(values[size(i)]))));
      moved += rows[at] != quiet[at];
    }
    CHECK(worst <= 1.0 + 1.01 * 2 * noise);  // an ulp above a power of two is twice one below it
    CHECK(noise == 0 ? moved == 0 : worst > 0.75 * noise && moved > 150);
  }
}

const Floats arguments = {0.0f, -0.0f, 0.75f, -2.5f, 2.5f, 1.5e-3f, -7.25f, 1e30f, 3.0f, -1.0f, INFINITY, NAN};

void floats() {
  const int n = static_cast<int>(arguments.size());
  Floats rows(size(23 * n));
  emulator::set_options(with(5, 4));  // noise must leave these alone
  dispatch("exact_floats",
           {.arguments = {buffer(arguments), buffer(rows)}, .threads = {static_cast<std::uint32_t>(n)}});
  emulator::set_options({});
  const auto is = [&](int row, const std::function<float(float, float, float)>& f) {
    for (int i = 0; i < n; ++i) {
      const float want = f(arguments[size(i)], arguments[size((i + 1) % n)], arguments[size((i + 2) % n)]);
      const float got = rows[size(row * n + i)];
      const std::string text = "row " + std::to_string(row) + ", argument " + std::to_string(i) + ": " +
                               std::to_string(got) + ", expected " + std::to_string(want);
      check::that(got == want || (std::isnan(got) && std::isnan(want)), text.c_str(), __FILE__, __LINE__);
    }
  };
  const auto root = [](float x, float, float) { return std::sqrt(x); };
  is(0, root);
  is(1, root);
  is(2, [](float x, float y, float z) { return std::fma(x, y, z); });
  is(3, [](float x, float, float) { return std::fabs(x); });
  is(4, [](float x, float, float) { return std::fabs(x); });
  is(5, [](float x, float, float) { return std::floor(x); });
  is(6, [](float x, float, float) { return std::ceil(x); });
  is(7, [](float x, float, float) { return std::trunc(x); });
  is(8, [](float x, float, float) { return std::nearbyint(x); });
  is(9, [](float x, float y, float) { return std::copysign(x, y); });
  for (const int row : {10, 12}) is(row, [](float x, float y, float) { return std::fmin(x, y); });
  for (const int row : {11, 13}) is(row, [](float x, float y, float) { return std::fmax(x, y); });
  is(14, [](float x, float, float) { return std::fmin(std::fmax(x, -1.0f), 1.0f); });
  is(15, [](float x, float y, float) { return x < y ? y : x; });
  is(16, [](float x, float, float) { return std::isnan(x) ? 1.0f : 0.0f; });
  is(17, [](float x, float, float) { return std::isinf(x) ? 1.0f : 0.0f; });
  is(18, [](float x, float, float) { return std::isfinite(x) ? 1.0f : 0.0f; });
  is(19, [](float x, float, float) { return std::signbit(x) ? 1.0f : 0.0f; });
  is(20, [](float x, float y, float z) { return ((x + y * 2.0f) + z * 3.0f) + 4.0f; });
  is(21, [](float x, float y, float) { return x * 3.0f - y; });
  is(22, [](float x, float y, float z) { return std::fma(y, z, x); });
}

void integers() {
  const Words values = {0, 1, 2, 0x80000000u, 0xFFFFFFFFu, 12345, 0xD2511F53u, 999, 0x3F800000u};
  const int n = static_cast<int>(values.size());
  Words rows(size(15 * n));
  dispatch("integers", {.arguments = {buffer(values), buffer(rows)}, .threads = {static_cast<std::uint32_t>(n)}});
  const auto is = [&](int row, const std::function<std::uint32_t(std::uint32_t, std::uint32_t)>& f) {
    for (int i = 0; i < n; ++i) {
      const std::uint32_t want = f(values[size(i)], values[size((i + 1) % n)]), got = rows[size(row * n + i)];
      const std::string text = "row " + std::to_string(row) + ", argument " + std::to_string(i) + ": " +
                               std::to_string(got) + ", expected " + std::to_string(want);
      check::that(got == want, text.c_str(), __FILE__, __LINE__);
    }
  };
  const auto as_signed = [](std::uint32_t x) { return static_cast<std::int32_t>(x); };
  const auto word = [](std::int32_t x) { return static_cast<std::uint32_t>(x); };
  is(0, [](auto x, auto y) { return static_cast<std::uint32_t>(std::uint64_t{x} * y >> 32); });
  is(1, [](auto x, auto) { return static_cast<std::uint32_t>(std::popcount(x)); });
  is(2, [](auto x, auto) { return static_cast<std::uint32_t>(std::countl_zero(x)); });
  is(3, [](auto x, auto) { return static_cast<std::uint32_t>(std::countr_zero(x)); });
  is(4, [](auto x, auto y) { return std::min(x, y); });
  is(5, [](auto x, auto y) { return std::max(x, y); });
  is(6, [](auto x, auto) { return std::clamp(x, 10u, 1000u); });
  is(7, [](auto x, auto y) { return std::max(x, y); });
  is(8, [&](auto x, auto y) { return word(std::min(as_signed(x), as_signed(y))); });
  is(9, [&](auto x, auto y) { return word(std::max(as_signed(x), as_signed(y))); });
  is(10, [&](auto x, auto) { return word(std::clamp(as_signed(x), -10, 10)); });
  is(11, [&](auto x, auto y) { return word(std::max(as_signed(x), as_signed(y))); });
  is(12, [&](auto x, auto) { return word(std::abs(as_signed(x) / 2)); });
  is(13, [](auto x, auto) { return x & 0x7F7FFFFFu; });
  is(14, [](auto, auto y) { return y; });
}

void vectors() {
  const Floats values = {1, 2, 3, 4, 8, 0.5f, -2, 16};
  Floats rows(32);
  Words words(16);
  dispatch("vectors", {.arguments = {buffer(values), buffer(rows), buffer(words)}, .threads = {1}});
  const Floats want = {9,  2.5f, 1,  20, -7, 1.5f, 5, -12, 8,         1, -6,   64,         0.125f, 4, -1.5f, 0.25f,
                       -1, -2,   -3, -4, 3,  5,    7, 9,   17.0f / 8, 6, 0.5f, 36.0f / 16, 4,      3, 2,     1};
  for (std::size_t i = 0; i < want.size(); ++i) CHECK(rows[i] == want[i]);
  const Words words_wanted = {6, 5, 4, 3, 0, 2, 2, 4, 9, 10, 11, 12, 4, 7, 6, 1};
  for (std::size_t i = 0; i < words.size(); ++i) CHECK(words[i] == words_wanted[i]);
}

void atomics() {
  for (const std::uint64_t seed : {0, 1, 2}) {
    emulator::set_options(with(seed));
    Words shared = {0, 500, 0, 0, 1000, 0, 55, 0, 0}, plain = {0};
    dispatch("atomics", {.arguments = {buffer(shared), buffer(plain)}, .threads = {64}});
    const Words want = {64, 436, 0xFFFFFFFFu, 63, 0, 128, 77, 992, 1024};
    for (std::size_t i = 0; i < want.size(); ++i) CHECK(shared[i] == want[i]);
    CHECK(plain[0] == 55);
  }
  emulator::set_options({});
}

void denormals() {
  const Floats values = {FLT_MIN, FLT_MIN / 2, 2 * FLT_MIN, 1.0f};
  Floats products(4);
  const emulator::Launch launch{.arguments = {buffer(values), buffer(products)}, .threads = {4}};
  dispatch("denormals", launch);
  CHECK(bits(products[0]) == 0 && bits(products[1]) == 0 && products[2] == FLT_MIN && products[3] == 0.5f);
  volatile float small = FLT_MIN;
  CHECK(small * 0.5f > 0.0f);  // the host's arithmetic is as it was
  emulator::Options keep;
  keep.flush_denormals = false;
  emulator::set_options(keep);
  dispatch("denormals", launch);
  CHECK(products[0] == FLT_MIN / 2 && products[1] == FLT_MIN / 4);
  emulator::set_options({});
}
}  // namespace

int main() {
  for (const int noise : {0, 1, 4}) transcendentals(noise);
  floats();
  integers();
  vectors();
  atomics();
  denormals();
  return check::finish();
}
