#include "simd_level.hpp"

#include <cstdlib>
#include <string>
#include <vector>

#include "checks.hpp"
#include "portfolio/device.hpp"

namespace portfolio {
namespace {

struct Level {
  SimdLevel level;
  const char* name;
};

// Best first.
std::vector<Level> present() {
  std::vector<Level> out;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    out.push_back({SimdLevel::avx512, "avx512"});
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) out.push_back({SimdLevel::avx2, "avx2"});
#endif
  out.push_back({SimdLevel::baseline, "baseline"});
  return out;
}

Level choose() {
  const std::vector<Level> levels = present();
  const char* forced = std::getenv("PORTFOLIO_SIMD");
  if (forced == nullptr || *forced == '\0') return levels.front();
  std::string names;
  for (const Level& level : levels) {
    if (level.name == std::string(forced)) return level;
    names.append(names.empty() ? "" : ", ").append(level.name);
  }
  fail("simd_level", "PORTFOLIO_SIMD", "one of " + names + " on this processor",
       std::string("\"").append(forced).append("\""));
}

const Level& chosen() {
  static const Level level = choose();
  return level;
}

}  // namespace

SimdLevel simd_level() { return chosen().level; }

std::string simd_level_name() { return chosen().name; }

}  // namespace portfolio
