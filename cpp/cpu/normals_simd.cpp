#include "normals_kernel.hpp"

namespace portfolio::PORTFOLIO_LEVEL {

const NormalKernels normal_kernels{&normals32, &normals64, &chi_squared32, &chi_squared64, &expm1s32};

}  // namespace portfolio::PORTFOLIO_LEVEL
