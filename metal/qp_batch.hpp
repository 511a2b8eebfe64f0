// A batch of scaled quadratic programs in float32 on the GPU: what goes there, the iterations, what comes back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gpu.hpp"
#include "kernels/params.h"
#include "qp_interior.hpp"

namespace portfolio::metal {

constexpr std::size_t kQpVariables = 256;  // free ones of a problem
constexpr std::size_t kQpRows = 32;        // of each kind

class QpBatch {
 public:
  // Scaled problems of the same group have the same matrices, but for a factor of P. Both arguments must outlive this.
  QpBatch(Gpu& gpu, const std::vector<const qp::Problem*>& scaled, const std::vector<std::size_t>& groups);

  void solve(const Interrupt& interrupt);
  bool near(std::size_t k) const;  // enough for the polish
  int iterations(std::size_t k) const;
  // Problem k's answer in its scaled units; where a limit holds, x and the slack are exactly there.
  qp::InteriorPoint point(std::size_t k) const;

 private:
  struct Sizes {
    std::size_t matrices = 0, inverses = 0, vectors = 0, states = 0;  // in floats
  };
  Sizes lay_out(const std::vector<std::size_t>& groups);
  void write_problem(std::size_t k);
  void write_inverses(std::size_t k);
  void solve_slice(std::size_t first, std::size_t count, const Interrupt& interrupt);
  bool finished(std::size_t first, std::size_t count) const;

  Gpu& gpu_;
  const std::vector<const qp::Problem*>& scaled_;
  std::vector<QpEntry> entries_;
  std::vector<double> curvature_;     // by which each objective was divided
  std::vector<std::size_t> leaders_;  // problems that bring matrices: one of each group
  Buffer matrices_, inverses_, vectors_, states_, entry_, reports_, levels_;
};

}  // namespace portfolio::metal
