// GPU work with the CPU behind it: whatever goes wrong on the GPU, the caller gets the answer and the reason.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "gpu.hpp"
#include "portfolio/device.hpp"

namespace portfolio::metal {

Gpu& usable_gpu();  // throws Failure with the recorded reason when there is none
void record_fallback(const std::string& why);

struct Fallbacks {
  std::uint64_t count = 0;
  std::string last;  // why
};
Fallbacks fallbacks();  // of this process

template <class Result>
void label(Result& result, const DeviceUsed& device) {
  if (result.device.reason.empty()) result.device = device;
}

template <class Result>
void label(std::vector<Result>& results, const DeviceUsed& device) {
  for (Result& result : results) label(result, device);
}

// The CPU does it because `why`: no Metal kernel for it, or the size rule says the CPU is faster.
template <class CpuWork>
auto on_cpu(const std::string& why, CpuWork&& cpu_work) {
  auto result = std::forward<CpuWork>(cpu_work)();
  label(result, {"cpu", why});
  return result;
}

// The result of gpu_work(gpu), or after a Failure that of cpu_work(). A result labelled by the work keeps its label;
// the public function fills in why the device was chosen.
template <class GpuWork, class CpuWork>
auto attempt(GpuWork&& gpu_work, CpuWork&& cpu_work) {
  std::string why;
  try {
    auto result = std::forward<GpuWork>(gpu_work)(usable_gpu());
    label(result, {"metal", ""});
    return result;
  } catch (const Failure& failure) {
    why = failure.what();
  }
  record_fallback(why);
  return on_cpu(why, std::forward<CpuWork>(cpu_work));
}

}  // namespace portfolio::metal
