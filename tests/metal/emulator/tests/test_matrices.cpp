// Every element of the 8x8 lane map, and the operations on it.
#include "run.hpp"

namespace {
using emulator::buffer;
using emulator::dispatch;
using Floats = std::vector<float>;

// The lanes of rows 0 to 7 as the hardware holds them: lane, of columns 0-1, 2-3, 4-5 and 6-7.
constexpr int holder[8][4] = {{0, 1, 8, 9},     {2, 3, 10, 11},   {4, 5, 12, 13},   {6, 7, 14, 15},
                              {16, 17, 24, 25}, {18, 19, 26, 27}, {20, 21, 28, 29}, {22, 23, 30, 31}};

void lane_map() {
  Floats matrix(7 * 11 + 8), pairs(64), copy(64), transposed(64), loaded(64), diagonal(64), filled(64);
  for (std::size_t i = 0; i < matrix.size(); ++i) matrix[i] = float(i);
  dispatch("lane_map", {.arguments = {buffer(matrix), buffer(pairs), buffer(copy), buffer(transposed), buffer(loaded),
                                      buffer(diagonal), buffer(filled)},
                        .threads = {32}});
  for (int row = 0; row < 8; ++row) {
    for (int column = 0; column < 8; ++column) {
      const auto at = static_cast<std::size_t>(row * 8 + column), mirrored = static_cast<std::size_t>(column * 8 + row);
      const float element = float(row * 11 + column);
      CHECK(pairs[static_cast<std::size_t>(2 * holder[row][column / 2] + column % 2)] == element);
      CHECK(copy[at] == element);
      CHECK(transposed[mirrored] == element);
      CHECK(loaded[mirrored] == element);
      CHECK(diagonal[at] == (row == column ? 3.0f : 0.0f));
      CHECK(filled[at] == 2.5f);
    }
  }
}

void products() {
  Floats a(64), b(64), product(64), sum(64), first;
  for (std::size_t i = 0; i < 64; ++i) {
    a[i] = std::sin(float(i)) + 0.3f;
    b[i] = std::cos(2.0f * float(i)) * 5.0f;
  }
  bool differs = false;
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    emulator::set_options(with(seed));
    dispatch("products", {.arguments = {buffer(a), buffer(b), buffer(product), buffer(sum)}, .threads = {32}});
    for (std::size_t i = 0; i < 64; ++i) {
      double want = 0, size = 0;
      for (std::size_t k = 0; k < 8; ++k) {
        const double term = double(a[i / 8 * 8 + k]) * double(b[k * 8 + i % 8]);
        want += term;
        size += std::fabs(term);
      }
      CHECK_NEAR(product[i], want, 1e-6 * size);
      CHECK_NEAR(sum[i], want + 1.0, 1e-6 * (size + 1.0));
    }
    if (seed == 0) first = product;
    differs = differs || product != first;
  }
  CHECK(differs);  // the order of the eight products is nobody's promise
  emulator::set_options({});
}
}  // namespace

int main() {
  lane_map();
  products();
  Floats out(128, 0.0f);
  dispatch("uninitialised_matrix", {.arguments = {buffer(out)}, .threads = {32}});
  for (std::size_t i = 0; i < 64; ++i) CHECK(std::isnan(out[i]));
  refused("lane_pointer", {.arguments = {buffer(out)}, .threads = {32}}, {"different arguments", "matrices.metal:"});
  refused("matrix_origin", {.arguments = {buffer(out)}, .threads = {32}}, {"origin other than 0", "matrices.metal:"});
  refused("uninitialised_matrix", {.arguments = {buffer(out)}, .threads = {16}}, {"partial simdgroup of 16"});
  return check::finish();
}
