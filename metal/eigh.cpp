// Batches of small eigendecompositions: vectors by Jacobi on the GPU in float32, refined and certified on the CPU in
// float64. What is too large, or does not pass, the CPU solves.
#include <cmath>
#include <map>

#include "attempt.hpp"
#include "eigh_refine.hpp"
#include "kernels/params.h"
#include "metal_backend.hpp"
#include "parallel.hpp"
#include "symmetric.hpp"

namespace portfolio::metal {
namespace {

constexpr std::size_t kLargestOrder = 128;  // 64 pairs, the threadgroup memory of the rotations
constexpr std::size_t kSmallOrder = 64;     // whose matrix fits threadgroup memory
constexpr std::size_t kRotationBytes = 6 * 64 * 4;
constexpr std::uint32_t kSweeps = 12;
// Below 100 ms a command buffer: some 256 matrices of order 128; and 32 MiB of matrices at a time.
constexpr std::size_t kCubes = std::size_t{256} << 21;
constexpr std::size_t kChunkBytes = std::size_t{32} << 20;
// Where refining costs less than solving, and enough matrices to fill a GPU: docs/numerics/eigh.md.
constexpr std::size_t kSmallestWorthwhile = 12, kLargestWorthwhile = 48, kWorthwhileCount = 512;

constexpr const char* kTooLarge = "its order is above the Metal kernel's 128: the CPU is faster";
constexpr const char* kSizeRule = "size rule: the CPU is faster but for batches of 512 matrices of order 12 to 48";
constexpr const char* kNotCertified = "the GPU's eigenvectors did not pass the check in float64: solved on the CPU";

using Indices = std::vector<std::size_t>;

struct Kernel {
  std::string name;
  std::uint32_t threads;
  std::vector<std::size_t> threadgroup_bytes;
};

Kernel kernel_for(Gpu& gpu, std::size_t n) {
  const std::size_t bytes = (n * n * sizeof(float) + 15) / 16 * 16;
  const bool small = n <= kSmallOrder && bytes + kRotationBytes <= gpu.limits().threadgroup_memory;
  Kernel out{small ? "eigh_jacobi_small" : "eigh_jacobi", 0, {}};
  if (small) out.threadgroup_bytes = {bytes};
  const std::size_t wanted = n <= 16 ? 32 : n <= 32 ? 64 : n <= kSmallOrder ? 128 : 256;
  out.threads = static_cast<std::uint32_t>(std::min(wanted, gpu.threads_limit(out.name) / 32 * 32));
  if (out.threads == 0) throw Failure("eigh needs 32 threads in a threadgroup");
  return out;
}

// The symmetric part times 2^-exponent, of a Frobenius norm near 1.
struct Scaled {
  Matrix matrix;
  int exponent = 0;
};

void divide_by_power(Matrix& m, int exponent) {
  for (double& v : m.data) v = std::ldexp(v, -exponent);
}

Scaled scaled(MatrixView matrix) {
  Scaled out{symmetric_part(matrix), 0};
  double largest = 0.0, squares = 0.0;
  for (const double v : out.matrix.data) largest = std::fmax(largest, std::fabs(v));
  if (largest == 0.0) return out;
  const int first = std::ilogb(largest);  // so that no square overflows
  divide_by_power(out.matrix, first);
  for (const double v : out.matrix.data) squares += v * v;
  const int second = std::ilogb(std::sqrt(squares)) + 1;
  divide_by_power(out.matrix, second);
  out.exponent = first + second;
  return out;
}

EighResult refined(const Scaled& problem, const float* vectors, MatrixView given) {
  const std::size_t n = given.rows;
  std::vector<double> columns(vectors, vectors + n * n), values;
  if (!refine_eigenvectors(problem.matrix, columns, values)) {
    return on_cpu(kNotCertified, [&] { return cpu_backend().eigh(given); });
  }
  for (double& value : values) value = std::ldexp(value, problem.exponent);
  return oriented(n, std::move(values), columns.data());
}

// Matrices of one order, in one command buffer.
void solve_chunk(Gpu& gpu, const std::vector<MatrixView>& matrices, const std::size_t* chosen, std::size_t count,
                 std::vector<EighResult>& out) {
  const std::size_t n = matrices[chosen[0]].rows, size = n * n;
  const Buffer input = gpu.allocate(count * size * sizeof(float)), output = gpu.allocate(count * size * sizeof(float));
  std::vector<Scaled> problems(count);
  parallel_for(count, [&](std::size_t k) {
    problems[k] = scaled(matrices[chosen[k]]);
    const std::vector<double>& data = problems[k].matrix.data;
    std::transform(data.begin(), data.end(), input.data<float>() + k * size,
                   [](double v) { return static_cast<float>(v); });
  });
  const Kernel kernel = kernel_for(gpu, n);
  const EighParams params = {static_cast<std::uint32_t>(n), kSweeps, {}};
  gpu.run({{kernel.name,
            {Argument::buffer(input), Argument::buffer(output), Argument::value(params)},
            {static_cast<std::uint32_t>(count), 1, 1},
            kernel.threads,
            kernel.threadgroup_bytes}});
  parallel_for(count, [&](std::size_t k) {
    out[chosen[k]] = refined(problems[k], output.data<float>() + k * size, matrices[chosen[k]]);
  });
}

std::vector<EighResult> on_gpu(Gpu& gpu, const std::vector<MatrixView>& matrices,
                               const std::map<std::size_t, Indices>& orders, const Indices& others,
                               const std::string& why_others) {
  std::vector<EighResult> out(matrices.size());
  for (const auto& [n, chosen] : orders) {
    const std::size_t bytes = std::min(kChunkBytes, gpu.limits().buffer_length);
    const std::size_t most = std::max<std::size_t>(1, std::min(kCubes / (n * n * n), bytes / (n * n * sizeof(float))));
    for (std::size_t begin = 0; begin < chosen.size(); begin += most) {
      solve_chunk(gpu, matrices, &chosen[begin], std::min(most, chosen.size() - begin), out);
    }
  }
  parallel_for(others.size(), [&](std::size_t k) {
    out[others[k]] = on_cpu(why_others, [&] { return cpu_backend().eigh(matrices[others[k]]); });
  });
  return out;
}

}  // namespace

EighResult MetalBackend::eigh(MatrixView matrix) const { return std::move(MetalBackend::eigh_batch({matrix}).front()); }

std::vector<EighResult> MetalBackend::eigh_batch(const std::vector<MatrixView>& matrices) const {
  std::map<std::size_t, Indices> orders;  // that the GPU takes
  const std::size_t least = only_where_faster() ? kSmallestWorthwhile : 1;
  const std::size_t most = only_where_faster() ? kLargestWorthwhile : kLargestOrder;
  for (std::size_t k = 0; k < matrices.size(); ++k) {
    if (matrices[k].rows >= least && matrices[k].rows <= most) orders[matrices[k].rows].push_back(k);
  }
  if (only_where_faster()) std::erase_if(orders, [](const auto& o) { return o.second.size() < kWorthwhileCount; });
  const std::string why = only_where_faster() ? kSizeRule : kTooLarge;
  if (orders.empty()) return on_cpu(why, [&] { return CpuBackend::eigh_batch(matrices); });
  Indices others;
  for (std::size_t k = 0; k < matrices.size(); ++k) {
    const auto order = orders.find(matrices[k].rows);
    if (order == orders.end()) others.push_back(k);
  }
  return attempt([&](Gpu& gpu) { return on_gpu(gpu, matrices, orders, others, why); },
                 [&] { return CpuBackend::eigh_batch(matrices); });
}

}  // namespace portfolio::metal
