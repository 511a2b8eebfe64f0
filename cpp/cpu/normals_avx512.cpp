// Compiled with AVX-512 (F, DQ, VL) on x86-64; empty elsewhere.
#if defined(__x86_64__)
#include "normals_kernel.hpp"

namespace portfolio {

extern const NormalKernels normals_avx512;
const NormalKernels normals_avx512{"avx512", &normals32, &normals64, &chi_squared32, &chi_squared64, &expm1s32};

}  // namespace portfolio
#endif
