// What the library above sees of the GPU.
#include "attempt.hpp"
#include "metal_backend.hpp"

namespace portfolio {

const Backend* metal_backend(SizeRule rule) {
  static const metal::MetalBackend wherever_it_can(SizeRule::ignore);
  static const metal::MetalBackend where_faster(SizeRule::apply);
  if (metal::Gpu::get() == nullptr) return nullptr;
  return rule == SizeRule::ignore ? &wherever_it_can : &where_faster;
}

std::string metal_status() {
  const metal::Gpu* gpu = metal::Gpu::get();
  return gpu == nullptr ? metal::Gpu::absence() : gpu->limits().name;
}

DeviceHealth metal_health() {
  DeviceHealth health;
  if (const metal::Gpu* gpu = metal::Gpu::get()) {
    const metal::Limits& limits = gpu->limits();
    health.available = true;
    health.reason = gpu->trouble();
    health.healthy = health.reason.empty();
    health.emulated = !limits.hardware;
    health.name = limits.name;
    health.simdgroup_matrix = limits.simdgroup_matrix;
    health.threads_per_threadgroup = limits.threads_per_threadgroup;
    health.threadgroup_memory = limits.threadgroup_memory;
    health.buffer_length = limits.buffer_length;
  } else {
    health.reason = metal::Gpu::absence();
  }
  const metal::Fallbacks fallbacks = metal::fallbacks();
  health.fallbacks = fallbacks.count;
  health.last_fallback = fallbacks.last;
  return health;
}

}  // namespace portfolio
