#include "centring.hpp"

namespace {

template <class T>
void add_shifts(const T* x, std::size_t rows, std::size_t n, const double* __restrict pivot, const double* weights,
                double* __restrict shift) {
  std::size_t t = 0;
  for (; t + 4 <= rows; t += 4) {  // four rows at once: sums are read and written a quarter as often
    const T *x0 = x + t * n, *x1 = x0 + n, *x2 = x1 + n, *x3 = x2 + n;
    if (weights == nullptr) {
      for (std::size_t j = 0; j < n; ++j) {
        const double p = pivot[j];
        const double a = static_cast<double>(x0[j]) - p, b = static_cast<double>(x1[j]) - p;
        const double c = static_cast<double>(x2[j]) - p, d = static_cast<double>(x3[j]) - p;
        shift[j] += (a + b) + (c + d);
      }
    } else {
      const double w0 = weights[t], w1 = weights[t + 1], w2 = weights[t + 2], w3 = weights[t + 3];
      for (std::size_t j = 0; j < n; ++j) {
        const double p = pivot[j];
        const double a = w0 * (static_cast<double>(x0[j]) - p), b = w1 * (static_cast<double>(x1[j]) - p);
        const double c = w2 * (static_cast<double>(x2[j]) - p), d = w3 * (static_cast<double>(x3[j]) - p);
        shift[j] += (a + b) + (c + d);
      }
    }
  }
  for (; t < rows; ++t) {
    const double w = weights == nullptr ? 1.0 : weights[t];
    for (std::size_t j = 0; j < n; ++j) shift[j] += w * (static_cast<double>(x[t * n + j]) - pivot[j]);
  }
}

double squared_norm(const double* row, std::size_t n) {
  constexpr std::size_t kLanes = 8;
  double lanes[kLanes] = {};
  std::size_t j = 0;
  for (; j + kLanes <= n; j += kLanes) {
    for (std::size_t l = 0; l < kLanes; ++l) lanes[l] += row[j + l] * row[j + l];
  }
  for (; j < n; ++j) lanes[0] += row[j] * row[j];
  return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
}

double fourth(const double* x, std::size_t rows, std::size_t n, std::size_t stride) {
  double sum = 0.0;
  for (std::size_t t = 0; t < rows; ++t, x += stride) {
    const double norm = squared_norm(x, n);
    sum += norm * norm;
  }
  return sum;
}

template <class T>
void centre(const T* x, std::size_t rows, std::size_t n, const double* __restrict pivot, const double* __restrict shift,
            const double* roots, std::size_t stride, double* __restrict out) {
  for (std::size_t t = 0; t < rows; ++t, x += n, out += stride) {
    if (roots == nullptr) {
      for (std::size_t j = 0; j < n; ++j) out[j] = static_cast<double>(x[j]) - pivot[j] - shift[j];
    } else {
      const double root = roots[t];
      for (std::size_t j = 0; j < n; ++j) out[j] = root * (static_cast<double>(x[j]) - pivot[j] - shift[j]);
    }
  }
}

}  // namespace

namespace portfolio::PORTFOLIO_LEVEL {

const CentringKernels centring_kernels{
    {&add_shifts<double>, &centre<double>}, {&add_shifts<float>, &centre<float>}, &fourth};

}  // namespace portfolio::PORTFOLIO_LEVEL
