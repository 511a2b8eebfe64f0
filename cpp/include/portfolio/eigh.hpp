// Symmetric eigendecomposition and the nearest positive semidefinite matrix.
#pragma once

#include "portfolio/device.hpp"
#include "portfolio/interrupt.hpp"
#include "portfolio/matrix.hpp"

namespace portfolio {

struct EighResult {
  std::vector<double> values;  // ascending
  Matrix vectors;              // column k belongs to values[k]; its largest entry is positive
  DeviceUsed device;
};

EighResult eigh(MatrixView matrix, Device device = Device::automatic);

// The ascending eigenvalues alone, a third of the work; always on the CPU.
std::vector<double> eigvalsh(MatrixView matrix);

// One decomposition for each matrix, of any sizes. The same numbers as one call for each.
std::vector<EighResult> eigh_batch(const std::vector<MatrixView>& matrices, Device device = Device::automatic);

struct NearestPsdOptions {
  double min_eigenvalue = 0.0;  // floor in [0, 1), as a share of the mean variance (1 for a correlation matrix)
  // true: the diagonal stays, and the matrix scaled to unit diagonal moves least (Higham 2002, alternating
  // projections); false: the matrix itself moves least in the Frobenius norm (one clip of its eigenvalues).
  bool keep_diagonal = true;
  double tolerance = 1e-10;  // relative change of one iteration, Frobenius norm
  int max_iterations = 5000;
  Device device = Device::automatic;
  Interrupt interrupt{};  // throws Interrupted
};

struct NearestPsdResult {
  Matrix matrix;
  bool changed = false;     // false: the matrix is the caller's, bit for bit
  bool converged = true;    // false: positive semidefinite, but not yet the nearest
  double distance = 0.0;    // Frobenius norm of the change
  double max_change = 0.0;  // largest absolute entry of the change
  // Before, of the matrix scaled to unit diagonal when keep_diagonal, else of the matrix itself.
  double smallest_eigenvalue = 0.0;
  int negative_eigenvalues = 0;  // below the floor
  int iterations = 0;
  DeviceUsed device;
};

NearestPsdResult nearest_psd(MatrixView matrix, const NearestPsdOptions& options = {});

}  // namespace portfolio
