// Stands in for the Metal backend where it is not built.
#include "backend.hpp"

namespace portfolio {

const Backend* metal_backend(SizeRule) { return nullptr; }

std::string metal_status() {
#if defined(__APPLE__)
  return "this build has no Metal kernels";
#else
  return "Metal needs macOS on Apple silicon";
#endif
}

DeviceHealth metal_health() {
  DeviceHealth health;
  health.reason = metal_status();
  return health;
}

}  // namespace portfolio
