// Where a kernel runs. "auto" may fall back to the CPU and says why; a named device that is absent is an error.
#pragma once

#include <cstddef>
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

// Threads used by kernels that split their work (default: hardware threads). Results never depend on it.
void set_num_threads(std::size_t count);
std::size_t num_threads();

}  // namespace portfolio
