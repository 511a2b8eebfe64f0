// Argument errors: "[function] argument: expected ..., got ...".
#pragma once

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

// Names the first NaN or infinity.
template <class T>
void check_finite(const char* function, const char* argument, const T* data, std::size_t rows, std::size_t cols) {
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

// Symmetric to rounding: 1e-8 of the largest entry.
inline void check_symmetric(const char* function, const char* argument, MatrixView m) {
  check_square(function, argument, m);
  check_finite(function, argument, m.data, m.rows, m.cols);
  double largest = 0.0;
  for (std::size_t k = 0; k < m.rows * m.cols; ++k) largest = std::fmax(largest, std::fabs(m.data[k]));
  for (std::size_t i = 0; i < m.rows; ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (std::fabs(m(i, j) - m(j, i)) > 1e-8 * largest) {
        fail(function, argument, "a symmetric matrix",
             number(m(i, j)) + " at " + position(i * m.cols + j, m.rows, m.cols) + " but " + number(m(j, i)) + " at " +
                 position(j * m.cols + i, m.rows, m.cols));
      }
    }
  }
}

}  // namespace portfolio
