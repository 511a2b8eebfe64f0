#include "definite.hpp"
#include "lanes.hpp"

namespace {

constexpr std::size_t kLanes = kRegister / sizeof(double);

// row -= f p, from column `from` on.
void take(double* row, double f, const double* p, std::size_t from, std::size_t stride) {
  for (std::size_t j = from / kLanes * kLanes; j < stride; j += kLanes) {
    store(row + j, load<F64>(row + j) - f * load<F64>(p + j));
  }
}

// row -= f p + g q.
void take(double* row, double f, const double* p, double g, const double* q, std::size_t from, std::size_t stride) {
  for (std::size_t j = from / kLanes * kLanes; j < stride; j += kLanes) {
    store(row + j, load<F64>(row + j) - f * load<F64>(p + j) - g * load<F64>(q + j));
  }
}

// L D L' by two pivots at a time.
bool definite(double* a, std::size_t n, std::size_t stride) {
  for (std::size_t k = 0; k < n; k += 2) {
    double* first = a + k * stride;
    if (!(first[k] > 0.0)) return false;
    if (k + 1 == n) return true;
    double* second = first + stride;
    const double own = 1.0 / first[k];
    take(second, first[k + 1] * own, first, k + 1, stride);
    if (!(second[k + 1] > 0.0)) return false;
    const double other = 1.0 / second[k + 1];
    for (std::size_t i = k + 2; i < n; ++i) {
      take(a + i * stride, first[i] * own, first, second[i] * other, second, i, stride);
    }
  }
  return true;
}

}  // namespace

namespace portfolio::PORTFOLIO_LEVEL {

const DefiniteKernels definite_kernels{&definite};

}  // namespace portfolio::PORTFOLIO_LEVEL
