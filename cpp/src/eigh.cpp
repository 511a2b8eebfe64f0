#include "portfolio/eigh.hpp"

#include "backend.hpp"
#include "checks.hpp"

namespace portfolio {

EighResult eigh(MatrixView matrix, Device device) {
  check_symmetric("eigh", "matrix", matrix);
  const Choice choice = choose_backend(device, "eigh");
  EighResult result = choice.backend.eigh(matrix);
  if (result.device.reason.empty()) result.device = choice.used;
  return result;
}

std::vector<double> eigvalsh(MatrixView matrix) {
  check_symmetric("eigvalsh", "matrix", matrix);
  return cpu_eigvalsh(matrix);
}

std::vector<EighResult> eigh_batch(const std::vector<MatrixView>& matrices, Device device) {
  constexpr const char* kName = "eigh_batch";
  for (std::size_t k = 0; k < matrices.size(); ++k) check_symmetric(kName, item("matrices", k).c_str(), matrices[k]);
  const Choice choice = choose_backend(device, kName);
  std::vector<EighResult> results = choice.backend.eigh_batch(matrices);
  for (EighResult& result : results) {
    if (result.device.reason.empty()) result.device = choice.used;
  }
  return results;
}

NearestPsdResult nearest_psd(MatrixView matrix, const NearestPsdOptions& options) {
  constexpr const char* kName = "nearest_psd";
  check_symmetric(kName, "matrix", matrix);
  if (!(options.min_eigenvalue >= 0.0 && options.min_eigenvalue < 1.0)) {
    fail(kName, "min_eigenvalue", "a share of the mean variance in [0, 1)", number(options.min_eigenvalue));
  }
  if (!(options.tolerance > 0.0)) fail(kName, "tolerance", "a positive number", number(options.tolerance));
  if (options.max_iterations < 1) {
    fail(kName, "max_iterations", "at least 1", std::to_string(options.max_iterations));
  }
  for (std::size_t i = 0; options.keep_diagonal && i < matrix.rows; ++i) {
    if (matrix(i, i) < 0.0) {
      fail(kName, "matrix", "no negative diagonal entry with keep_diagonal",
           number(matrix(i, i)) + " at " + position(i * matrix.cols + i, matrix.rows, matrix.cols));
    }
  }
  const Choice choice = choose_backend(options.device, kName);
  NearestPsdResult result = choice.backend.nearest_psd(matrix, options);
  if (result.device.reason.empty()) result.device = choice.used;
  return result;
}

}  // namespace portfolio
