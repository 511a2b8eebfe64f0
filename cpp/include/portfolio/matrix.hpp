// Plain views and owners: row-major, contiguous, no third-party type in a public header.
#pragma once

#include <cstddef>
#include <vector>

namespace portfolio {

// Read-only view; `data == nullptr` means "not given".
template <class T>
struct BasicVectorView {
  const T* data = nullptr;
  std::size_t size = 0;
  const T& operator[](std::size_t i) const { return data[i]; }
  explicit operator bool() const { return data != nullptr; }
};

template <class T>
struct BasicMatrixView {
  const T* data = nullptr;
  std::size_t rows = 0;
  std::size_t cols = 0;
  const T& operator()(std::size_t i, std::size_t j) const { return data[i * cols + j]; }
  explicit operator bool() const { return data != nullptr; }
};

using VectorView = BasicVectorView<double>;
using MatrixView = BasicMatrixView<double>;

struct Matrix {
  std::vector<double> data;
  std::size_t rows = 0;
  std::size_t cols = 0;

  Matrix() = default;
  Matrix(std::size_t r, std::size_t c, double value = 0.0) : data(r * c, value), rows(r), cols(c) {}
  double& operator()(std::size_t i, std::size_t j) { return data[i * cols + j]; }
  double operator()(std::size_t i, std::size_t j) const { return data[i * cols + j]; }
  MatrixView view() const { return {data.data(), rows, cols}; }
};

inline VectorView view(const std::vector<double>& v) { return {v.data(), v.size()}; }

}  // namespace portfolio
