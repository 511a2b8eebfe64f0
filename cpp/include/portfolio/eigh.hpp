// Symmetric eigendecomposition and the nearest positive semidefinite matrix.
#pragma once

#include "portfolio/device.hpp"
#include "portfolio/matrix.hpp"

namespace portfolio {

struct EighResult {
  std::vector<double> values;  // ascending
  Matrix vectors;              // column k belongs to values[k]
  DeviceUsed device;
};

EighResult eigh(MatrixView matrix, Device device = Device::automatic);

struct NearestPsdOptions {
  double min_eigenvalue = 0.0;  // floor, relative to the largest eigenvalue
  bool keep_diagonal = true;    // true: Higham 2002 alternating projections; false: one clip
  double tolerance = 1e-12;
  int max_iterations = 2000;
  Device device = Device::automatic;
};

struct NearestPsdResult {
  Matrix matrix;
  bool changed = false;
  bool converged = true;
  double distance = 0.0;             // Frobenius norm of the change
  double max_change = 0.0;           // largest absolute entry of the change
  double smallest_eigenvalue = 0.0;  // before
  int negative_eigenvalues = 0;      // before, below the floor
  int iterations = 0;
  DeviceUsed device;
};

NearestPsdResult nearest_psd(MatrixView matrix, const NearestPsdOptions& options = {});

}  // namespace portfolio
