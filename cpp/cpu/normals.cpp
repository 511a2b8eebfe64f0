#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include "normals_kernel.hpp"

namespace portfolio {
namespace {

const NormalKernels kBaseline{"baseline", &normals32, &normals64, &chi_squared32, &chi_squared64, &expm1s32};

// Best first.
std::vector<const NormalKernels*> available() {
  std::vector<const NormalKernels*> out;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    out.push_back(&normals_avx512);
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) out.push_back(&normals_avx2);
#endif
  out.push_back(&kBaseline);
  return out;
}

const NormalKernels& choose() {
  const auto levels = available();
  const char* forced = std::getenv("PORTFOLIO_SIMD");
  if (forced == nullptr || *forced == '\0') return *levels.front();
  std::string names;
  for (const NormalKernels* level : levels) {
    if (level->level == std::string(forced)) return *level;
    names += (names.empty() ? "" : ", ") + std::string(level->level);
  }
  throw std::invalid_argument("[simulate] PORTFOLIO_SIMD: expected one of " + names + " on this processor, got \"" +
                              forced + "\"");
}

}  // namespace

const NormalKernels& normal_kernels() {
  static const NormalKernels& chosen = choose();
  return chosen;
}

}  // namespace portfolio
