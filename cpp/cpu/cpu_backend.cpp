#include "cpu_backend.hpp"

#include "blas.hpp"

namespace portfolio {

std::string CpuBackend::name() const { return blas::name(); }

const Backend& cpu_backend() {
  static const CpuBackend backend;
  return backend;
}

}  // namespace portfolio
