// The inverse of the KKT matrix [P_FF M'; M 0] of the free variables and active rows, kept explicitly: one item in or
// out is a bordering or its reverse, O(k^2), and a direction is one product. Rounding is mended by refinement outside.
#pragma once

#include <cstddef>
#include <vector>

namespace portfolio::active {

// One change of the matrix: an item added (its product u = K^-1 border, and its diagonal), or the item in `slot`
// taken out.
struct Change {
  int slot = -1;
  const double* u = nullptr;
  double corner = 0.0;  // added: diagonal - border'u; taken out: not used
};

class Inverse {
 public:
  void reserve(int capacity);
  void clear() { size_ = 0; }
  int size() const { return size_; }
  double operator()(int i, int j) const { return row(i)[j]; }
  const double* row(int i) const { return data_.data() + static_cast<std::size_t>(i) * stride_; }

  void multiply(const double* v, double* out) const;
  // The new item takes the last slot.
  void append(const double* u, double corner);
  // The last item moves into `slot`. The entry on the diagonal must not be zero.
  void remove(int slot);
  // Two changes at once, each of which alone may leave a singular matrix: `cross` is the off-diagonal entry of their
  // Schur complement. An added item takes the place of one taken out, else a last slot; false when singular.
  bool change(const Change& a, const Change& b, double cross);
  // From nothing: entry(i, j) for i, j < size, inverted with row pivots; false when singular.
  template <class Entry>
  bool assign(int size, const Entry& entry) {
    size_ = size;
    for (int i = 0; i < size; ++i) {
      for (int j = 0; j < size; ++j) row(i)[j] = entry(i, j);
    }
    return invert();
  }

 private:
  double* row(int i) { return data_.data() + static_cast<std::size_t>(i) * stride_; }
  bool invert();
  void drop(int slot);
  void place(int slot, const double* values, double diagonal);

  std::vector<double> data_, first_, second_, third_;
  std::vector<int> pivots_;
  std::size_t stride_ = 0;
  int size_ = 0, capacity_ = 0;
};

}  // namespace portfolio::active
