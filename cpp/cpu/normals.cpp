#include <cstdlib>
#include <cstring>

#include "normals_kernel.hpp"

namespace portfolio {
namespace {

const NormalKernels kBaseline{"baseline", &normals32, &normals64, &chi_squared32, &chi_squared64};

const NormalKernels& choose() {
#if defined(__x86_64__)
  const char* forced = std::getenv("PORTFOLIO_SIMD");
  const auto allows = [&](const char* level) { return forced == nullptr || std::strcmp(forced, level) == 0; };
  const bool avx512 =
      __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (avx512 && allows("avx512")) return normals_avx512;
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (avx2 && allows("avx2")) return normals_avx2;
#endif
  return kBaseline;
}

}  // namespace

const NormalKernels& normal_kernels() {
  static const NormalKernels& chosen = choose();
  return chosen;
}

}  // namespace portfolio
