// Compiled with AVX2 and FMA on x86-64; empty elsewhere.
#if defined(__x86_64__)
#include "normals_kernel.hpp"

namespace portfolio {

extern const NormalKernels normals_avx2;
const NormalKernels normals_avx2{"avx2", &normals32, &normals64, &chi_squared32, &chi_squared64, &expm1s32};

}  // namespace portfolio
#endif
