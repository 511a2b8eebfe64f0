#include "vector_kernels.hpp"

namespace portfolio::PORTFOLIO_LEVEL {
namespace {

constexpr std::size_t kLanes = 16;

double sum(const double* lanes) {
  double half[8], quarter[4];
  for (std::size_t l = 0; l < 8; ++l) half[l] = lanes[l] + lanes[l + 8];
  for (std::size_t l = 0; l < 4; ++l) quarter[l] = half[l] + half[l + 4];
  return (quarter[0] + quarter[2]) + (quarter[1] + quarter[3]);
}

double dot(std::size_t count, const double* a, const double* b) {
  double lanes[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::size_t l = 0; l < kLanes; ++l) lanes[l] += a[i + l] * b[i + l];
  }
  for (std::size_t l = 0; i < count; ++i, ++l) lanes[l] += a[i] * b[i];
  return sum(lanes);
}

void add(std::size_t count, double factor, const double* __restrict values, double* __restrict out) {
  for (std::size_t i = 0; i < count; ++i) out[i] += factor * values[i];
}

void add4(std::size_t count, const double* factors, const double* const* values, double* __restrict out) {
  const double a = factors[0], b = factors[1], c = factors[2], d = factors[3];
  const double* __restrict p = values[0], * __restrict q = values[1], * __restrict r = values[2], * __restrict s = values[3];
  for (std::size_t i = 0; i < count; ++i) out[i] += (a * p[i] + b * q[i]) + (c * r[i] + d * s[i]);
}

void multiply(std::size_t rows, std::size_t cols, const double* M, const double* v, double* out) {
  for (std::size_t i = 0; i < rows; ++i) out[i] = dot(cols, M + i * cols, v);
}

}  // namespace

const VectorKernels vector_kernels{&dot, &add, &add4, &multiply};

}  // namespace portfolio::PORTFOLIO_LEVEL
