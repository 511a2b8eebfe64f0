// Stands in for the Metal backend where it is not built.
#include "backend.hpp"

namespace portfolio {

const Backend* metal_backend() { return nullptr; }

std::string metal_status() {
#if defined(__APPLE__)
  return "this build has no Metal kernels yet";
#else
  return "Metal needs macOS on Apple silicon";
#endif
}

}  // namespace portfolio
