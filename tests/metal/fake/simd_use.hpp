// Which kernels an old GPU cannot run.
#pragma once

#include <string>

namespace fake {

// Whether a kernel, or a function it calls, uses what only family Apple7 has: simd_ functions and simdgroup matrices.
bool uses_simd(const std::string& source, const std::string& kernel);

}  // namespace fake
