// Shared by the kernels of these tests and by the tests.
#pragma once

#ifdef __METAL_VERSION__
using Uint32 = uint;
#else
#include <cstdint>
using Uint32 = std::uint32_t;
#endif

struct ScaleParams {
  Uint32 count;
  float factor;
  Uint32 padding[2];
};
static_assert(sizeof(ScaleParams) == 16, "host and kernel agree");
