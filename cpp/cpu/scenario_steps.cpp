#include "scenario_steps.hpp"

#include <algorithm>
#include <numeric>

namespace portfolio {

template <class T>
PackedFactor<T>::PackedFactor(const ReturnModel& model) : rank_(model.factor.cols), asset_(model.factor.rows) {
  const Matrix& factor = model.factor;
  std::vector<std::size_t> depth(factor.rows, 0);
  for (std::size_t i = 0; i < factor.rows; ++i) {
    for (std::size_t k = 0; k < factor.cols; ++k) {
      if (factor(i, k) != 0.0) depth[i] = k + 1;
    }
  }
  std::iota(asset_.begin(), asset_.end(), 0u);
  std::stable_sort(asset_.begin(), asset_.end(), [&](auto a, auto b) { return depth[a] < depth[b]; });
  const std::size_t tiles = (factor.rows + kTileRows - 1) / kTileRows;  // of about as many rows each
  std::vector<std::size_t> start, top;                                  // of each tile, in entries_ and in asset_
  for (std::size_t t = 0, first = 0; t < tiles; ++t, first += tiles_.back().rows) {
    const std::size_t rows = factor.rows / tiles + (t < factor.rows % tiles ? 1 : 0);
    const std::size_t deep = depth[asset_[first + rows - 1]];
    start.push_back(entries_.size());
    top.push_back(first);
    tiles_.push_back({rows, deep, nullptr, nullptr, nullptr, asset_.data() + first});
    for (std::size_t k = 0; k < deep; ++k) {
      for (std::size_t r = 0; r < rows; ++r) entries_.push_back(static_cast<T>(factor(asset_[first + r], k)));
    }
  }
  for (const std::uint32_t i : asset_) {
    length_.push_back(depth[i]);
    mean_.push_back(static_cast<T>(model.mean[i]));
  }
  for (std::size_t t = 0; t < tiles_.size(); ++t) {
    tiles_[t].length = length_.data() + top[t];
    tiles_[t].mean = mean_.data() + top[t];
    tiles_[t].entries = entries_.data() + start[t];
  }
}

template class PackedFactor<float>;
template class PackedFactor<double>;

}  // namespace portfolio
