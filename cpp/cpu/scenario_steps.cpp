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
  std::vector<std::size_t> start;  // of each tile in entries_
  for (std::size_t first = 0; first < factor.rows; first += kTileRows) {
    const std::size_t rows = std::min(kTileRows, factor.rows - first), deep = depth[asset_[first + rows - 1]];
    start.push_back(entries_.size());
    tiles_.push_back({rows, deep, nullptr, nullptr, asset_.data() + first});
    for (std::size_t k = 0; k < deep; ++k) {
      for (std::size_t r = 0; r < rows; ++r) entries_.push_back(static_cast<T>(factor(asset_[first + r], k)));
    }
  }
  for (const std::uint32_t i : asset_) mean_.push_back(static_cast<T>(model.mean[i]));
  for (std::size_t t = 0; t < tiles_.size(); ++t) {
    tiles_[t].mean = mean_.data() + t * kTileRows;
    tiles_[t].entries = entries_.data() + start[t];
  }
}

template class PackedFactor<float>;
template class PackedFactor<double>;

}  // namespace portfolio
