// NumPy in and out: no copy where the array already is contiguous and of the right type.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "portfolio/device.hpp"
#include "portfolio/matrix.hpp"

namespace py = pybind11;

template <class T>
using Array = py::array_t<T, py::array::c_style | py::array::forcecast>;
using Doubles = Array<double>;
using MaybeDoubles = std::optional<Doubles>;

inline std::string shape_of(const py::array& a) { return "shape " + py::cast<std::string>(py::str(a.attr("shape"))); }

template <class T>
portfolio::BasicVectorView<T> vector_view(const Array<T>& a, const char* function, const char* argument) {
  if (a.ndim() != 1) {
    throw std::invalid_argument(std::string("[") + function + "] " + argument + ": expected a vector, got " +
                                shape_of(a));
  }
  return {a.data(), static_cast<std::size_t>(a.size())};
}

template <class T>
portfolio::BasicMatrixView<T> matrix_view(const Array<T>& a, const char* function, const char* argument) {
  if (a.ndim() != 2) {
    throw std::invalid_argument(std::string("[") + function + "] " + argument + ": expected a matrix, got " +
                                shape_of(a));
  }
  return {a.data(), static_cast<std::size_t>(a.shape(0)), static_cast<std::size_t>(a.shape(1))};
}

inline portfolio::VectorView vector_view(const MaybeDoubles& a, const char* function, const char* argument) {
  return a ? vector_view<double>(*a, function, argument) : portfolio::VectorView{};
}

inline portfolio::MatrixView matrix_view(const MaybeDoubles& a, const char* function, const char* argument) {
  return a ? matrix_view<double>(*a, function, argument) : portfolio::MatrixView{};
}

// One view for each array of a batch; the first that is no matrix is named by its place.
inline std::vector<portfolio::MatrixView> matrix_views(const std::vector<Doubles>& arrays, const char* function,
                                                       const char* argument) {
  std::vector<portfolio::MatrixView> out;
  out.reserve(arrays.size());
  for (const Doubles& a : arrays) {
    const std::string name = std::string(argument) + "[" + std::to_string(out.size()) + "]";
    out.push_back(matrix_view<double>(a, function, name.c_str()));
  }
  return out;
}

// Hands the vector's memory to NumPy.
template <class T>
py::array_t<T> to_numpy(std::vector<T>&& data, std::vector<py::ssize_t> shape) {
  auto* owner = new std::vector<T>(std::move(data));
  py::capsule free(owner, [](void* p) { delete static_cast<std::vector<T>*>(p); });
  return py::array_t<T>(std::move(shape), owner->data(), free);
}

inline py::array_t<double> to_numpy(std::vector<double>&& data) {
  const auto n = static_cast<py::ssize_t>(data.size());
  return to_numpy<double>(std::move(data), {n});
}

inline py::array_t<double> to_numpy(portfolio::Matrix&& m) {
  return to_numpy<double>(std::move(m.data), {static_cast<py::ssize_t>(m.rows), static_cast<py::ssize_t>(m.cols)});
}

// A key of the dictionaries that results become, made once: a small problem takes no longer than a few of them.
inline py::handle key(const char* name) { return PyUnicode_InternFromString(name); }

// Every result carries these two.
inline void add_device(py::dict& out, const portfolio::DeviceUsed& used) {
  static const py::handle device = key("device"), reason = key("device_reason");
  out[device] = used.name;
  out[reason] = used.reason;
}
