// Argument errors: "[function] argument: expected ..., got ...".
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <stdexcept>
#include <string>

#include "portfolio/matrix.hpp"

namespace portfolio {

[[noreturn]] inline void fail(const char* function, const std::string& argument, const std::string& expected,
                              const std::string& got) {
  throw std::invalid_argument(std::string("[") + function + "] " + argument + ": expected " + expected + ", got " +
                              got);
}

// Six digits, so that 1e-17 does not read as 0.000000.
inline std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

// "[i, j]", or "[k]" in a vector (one row).
inline std::string position(std::size_t index, std::size_t rows, std::size_t cols) {
  std::string text("[");
  if (rows != 1) text.append(std::to_string(index / cols)).append(", ");
  return text.append(std::to_string(index % cols)).append("]");
}

// "matrices[3]", an argument of a batch.
inline std::string item(const char* argument, std::size_t index) {
  return std::string(argument) + "[" + std::to_string(index) + "]";
}

inline std::string shape(std::size_t rows, std::size_t cols) {
  return "shape (" + std::to_string(rows) + ", " + std::to_string(cols) + ")";
}

// 0 x is 0 for finite numbers and NaN for others. Sums in lanes, which the compiler makes vectors of.
template <class T>
bool all_finite(const T* data, std::size_t count) {
  constexpr std::size_t kLanes = 16;
  T lanes[kLanes] = {};
  std::size_t k = 0;
  for (; k + kLanes <= count; k += kLanes) {
    for (std::size_t l = 0; l < kLanes; ++l) lanes[l] += T(0) * data[k + l];
  }
  for (; k < count; ++k) lanes[0] += T(0) * data[k];
  T sum = 0;
  for (const T lane : lanes) sum += lane;
  return sum == T(0);
}

// Names the first NaN or infinity.
template <class T>
void check_finite(const char* function, const char* argument, const T* data, std::size_t rows, std::size_t cols) {
  if (all_finite(data, rows * cols)) return;
  for (std::size_t k = 0; k < rows * cols; ++k) {
    if (!std::isfinite(data[k])) {
      fail(function, argument, "finite numbers",
           number(static_cast<double>(data[k])).append(" at ").append(position(k, rows, cols)));
    }
  }
}

inline void check_square(const char* function, const char* argument, MatrixView m) {
  if (m.rows != m.cols || m.rows == 0) fail(function, argument, "a square matrix", shape(m.rows, m.cols));
}

inline double smallest(const double* data, std::size_t count) {
  constexpr std::size_t kLanes = 8;
  double lanes[kLanes], least = HUGE_VAL;
  for (double& lane : lanes) lane = least;
  std::size_t k = 0;
  for (; k + kLanes <= count; k += kLanes) {
    for (std::size_t l = 0; l < kLanes; ++l) lanes[l] = data[k + l] < lanes[l] ? data[k + l] : lanes[l];
  }
  for (; k < count; ++k) least = std::fmin(least, data[k]);
  for (const double lane : lanes) least = std::fmin(least, lane);
  return least;
}

inline double largest_magnitude(const double* data, std::size_t count) {
  constexpr std::size_t kLanes = 8;
  double lanes[kLanes] = {}, largest = 0.0;
  std::size_t k = 0;
  for (; k + kLanes <= count; k += kLanes) {
    for (std::size_t l = 0; l < kLanes; ++l) {
      const double v = std::fabs(data[k + l]);
      lanes[l] = lanes[l] < v ? v : lanes[l];
    }
  }
  for (; k < count; ++k) largest = std::fmax(largest, std::fabs(data[k]));
  for (const double lane : lanes) largest = std::fmax(largest, lane);
  return largest;
}

// Symmetric to rounding: 1e-8 of the largest entry. Read in squares, so that rows and columns both stay in cache.
inline void check_symmetric(const char* function, const char* argument, MatrixView m) {
  constexpr std::size_t kSquare = 32;
  check_square(function, argument, m);
  check_finite(function, argument, m.data, m.rows, m.cols);
  const std::size_t n = m.rows;
  const double allowed = 1e-8 * largest_magnitude(m.data, n * n);
  bool symmetric = true;
  for (std::size_t top = 0; top < n; top += kSquare) {
    for (std::size_t left = 0; left <= top; left += kSquare) {
      for (std::size_t i = top; i < std::min(top + kSquare, n); ++i) {
        for (std::size_t j = left; j < std::min(left + kSquare, i); ++j) {
          symmetric &= std::fabs(m(i, j) - m(j, i)) <= allowed;
        }
      }
    }
  }
  for (std::size_t i = 0; !symmetric && i < n; ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (std::fabs(m(i, j) - m(j, i)) > allowed) {
        fail(function, argument, "a symmetric matrix",
             number(m(i, j)) + " at " + position(i * m.cols + j, m.rows, m.cols) + " but " + number(m(j, i)) + " at " +
                 position(j * m.cols + i, m.rows, m.cols));
      }
    }
  }
}

}  // namespace portfolio
