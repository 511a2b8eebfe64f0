// Where a kernel runs. "auto" may fall back to the CPU and says why; a named device that is absent is an error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace portfolio {

enum class Device { automatic, cpu, metal };

// The device that really computed a result, and why it was chosen.
struct DeviceUsed {
  std::string name = "cpu";
  std::string reason;
};

struct DeviceInfo {
  std::string name;
  bool available = false;
  std::string description;  // hardware when available, the reason when not
};

// "auto", "cpu" or "metal"; anything else throws std::invalid_argument naming `function`.
Device parse_device(const std::string& name, const char* function);

std::vector<DeviceInfo> available_devices();

// What "auto" means from now on: Device::automatic (at load), or a device as if every call named it. Throws
// std::invalid_argument when that device is absent.
void set_default_device(Device device);
Device default_device();
const char* to_string(Device device);

// A GPU that errs is not used again; its work is done on the CPU.
struct DeviceHealth {
  bool available = false;
  bool healthy = false;
  bool emulated = false;          // a test's stand-in, which "auto" never chooses
  std::string name;               // the hardware; empty when there is none
  std::string reason;             // why it is absent or unhealthy; empty when healthy
  std::uint64_t fallbacks = 0;    // calls the GPU should have done and the CPU did, since the process started
  std::string last_fallback;      // why the last of them
  bool simdgroup_matrix = false;  // family Apple7 (M1) or newer
  std::size_t threads_per_threadgroup = 0;
  std::size_t threadgroup_memory = 0;  // bytes
  std::size_t buffer_length = 0;       // the largest, bytes
};

DeviceHealth metal_health();

// Threads used by kernels that split their work (default: hardware threads). Results never depend on it.
void set_num_threads(std::size_t count);
std::size_t num_threads();

// Instruction level of the CPU's kernels: "baseline", "avx2" or "avx512", the best one unless the environment's
// PORTFOLIO_SIMD names one. Throws std::invalid_argument for one that this processor lacks.
std::string simd_level_name();

}  // namespace portfolio
