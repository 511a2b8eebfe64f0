// Jacobi's eigenvectors: orthonormal and diagonalising, to float32.
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "check.hpp"
#include "emulator.hpp"
#include "params.h"

namespace {

using Matrices = std::vector<float>;

// Symmetric, of Frobenius norm near 1 as the host scales them.
void add_random(Matrices& out, std::uint32_t n, unsigned seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal;
  const std::size_t base = out.size();
  out.resize(base + n * n);
  for (std::uint32_t i = 0; i < n; ++i) {
    for (std::uint32_t j = 0; j <= i; ++j) {
      out[base + i * n + j] = out[base + j * n + i] = normal(engine) / static_cast<float>(n);
    }
  }
}

void add_constant(Matrices& out, std::uint32_t n, float diagonal, float other) {
  for (std::uint32_t k = 0; k < n * n; ++k) out.push_back(k / n == k % n ? diagonal : other);
}

Matrices vectors_of(const Matrices& matrices, std::uint32_t n, std::uint32_t threads, bool small) {
  const EighParams params = {n, 12, {}};
  const auto count = static_cast<std::uint32_t>(matrices.size() / (n * n));
  Matrices vectors(matrices.size()), working = matrices;
  emulator::Launch launch;
  launch.arguments = {emulator::buffer(working), emulator::buffer(vectors), emulator::value(params)};
  launch.groups = {count, 1, 1};
  launch.threads = {threads, 1, 1};
  if (small) launch.threadgroup_bytes = {(n * n * sizeof(float) + 15) / 16 * 16};
  emulator::dispatch(small ? "eigh_jacobi_small" : "eigh_jacobi", launch);
  return vectors;
}

// Largest off-diagonal entry of V'AV, and largest entry of V'V - I.
void errors(const float* a, const float* v, std::uint32_t n, double& off, double& defect) {
  for (std::uint32_t k = 0; k < n; ++k) {
    std::vector<double> image(n, 0.0);
    for (std::uint32_t i = 0; i < n; ++i) {
      for (std::uint32_t j = 0; j < n; ++j) {
        image[i] += static_cast<double>(a[i * n + j]) * static_cast<double>(v[k * n + j]);
      }
    }
    for (std::uint32_t m = 0; m < n; ++m) {
      double projected = 0.0, overlap = m == k ? -1.0 : 0.0;
      for (std::uint32_t i = 0; i < n; ++i) {
        projected += static_cast<double>(v[m * n + i]) * image[i];
        overlap += static_cast<double>(v[m * n + i]) * static_cast<double>(v[k * n + i]);
      }
      if (m != k) off = std::fmax(off, std::fabs(projected));
      defect = std::fmax(defect, std::fabs(overlap));
    }
  }
}

void check_order(std::uint32_t n, std::uint32_t threads, bool small) {
  Matrices matrices;
  add_random(matrices, n, n);
  if (n <= 33) {
    add_random(matrices, n, n + 1);
    add_constant(matrices, n, 0.0f, 0.0f);
    add_constant(matrices, n, 0.25f, 0.0f);
    const float share = 1.0f / static_cast<float>(n);
    add_constant(matrices, n, share, share);  // n - 1 times the eigenvalue 0
    add_constant(matrices, n, 0.1f, 1e-6f);   // eigenvalues as close as float32 sees them
    matrices.back() = -0.5f;
  }
  const Matrices vectors = vectors_of(matrices, n, threads, small);
  for (std::size_t base = 0; base < matrices.size(); base += n * n) {
    double off = 0.0, defect = 0.0;
    errors(&matrices[base], &vectors[base], n, off, defect);
    CHECK(off <= 6e-7);
    CHECK(defect <= 2e-6);
  }
}

}  // namespace

int main() {
  for (const std::uint32_t n : {1u, 2u, 3u, 8u, 31u, 32u, 33u}) {
    check_order(n, 32, true);
    check_order(n, 64, false);
  }
  check_order(63, 128, true);
  check_order(64, 128, true);
  check_order(65, 128, false);
  check_order(128, 256, false);
  return check::finish();
}
