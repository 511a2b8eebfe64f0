// A piece of work that GPU and CPU can do: multiply numbers by two.
#pragma once

#include <numeric>
#include <vector>

#include "attempt.hpp"
#include "scale.h"

namespace work {

using portfolio::metal::Argument;
using portfolio::metal::Buffer;
using portfolio::metal::Gpu;

struct Result {
  std::vector<float> values;
  portfolio::DeviceUsed device;
};

constexpr std::uint32_t kThreads = 128;

inline portfolio::metal::Dispatch scale(const Buffer& buffer, std::size_t count, float factor) {
  const ScaleParams params{static_cast<std::uint32_t>(count), factor, {0, 0}};
  const auto groups = static_cast<std::uint32_t>((count + kThreads - 1) / kThreads);
  return {"scale", {Argument::buffer(buffer), Argument::value(params)}, {groups, 1, 1}, kThreads, {}};
}

inline std::vector<float> numbers(std::size_t count) {
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), 1.0f);
  return values;
}

inline Result on_gpu(Gpu& gpu, const std::vector<float>& values) {
  const Buffer buffer = gpu.allocate(values.size() * sizeof(float));
  std::copy(values.begin(), values.end(), buffer.data<float>());
  gpu.run({scale(buffer, values.size(), 2.0f)});
  const float* out = buffer.data<float>();
  return {{out, out + values.size()}, {}};
}

inline Result doubled(const std::vector<float>& values) {
  return portfolio::metal::attempt([&](Gpu& gpu) { return on_gpu(gpu, values); },
                                   [&] {
                                     Result result{values, {}};
                                     for (float& value : result.values) value *= 2.0f;
                                     return result;
                                   });
}

inline bool right(const Result& result, const std::vector<float>& values) {
  if (result.values.size() != values.size()) return false;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (result.values[i] != 2.0f * values[i]) return false;
  }
  return true;
}

}  // namespace work
