#include "portfolio/device.hpp"

#include <atomic>
#include <stdexcept>
#include <thread>

#include "backend.hpp"

namespace portfolio {
namespace {

std::atomic<std::size_t> thread_count{0};

std::size_t hardware_threads() {
  const unsigned count = std::thread::hardware_concurrency();
  return count == 0 ? 1 : count;
}

}  // namespace

Device parse_device(const std::string& name, const char* function) {
  if (name == "auto") return Device::automatic;
  if (name == "cpu") return Device::cpu;
  if (name == "metal") return Device::metal;
  throw std::invalid_argument(std::string("[") + function +
                              "] device: expected \"auto\", \"cpu\" or \"metal\", got \"" + name + "\"");
}

std::vector<DeviceInfo> available_devices() {
  const std::string cpu = std::to_string(hardware_threads()) + " threads, " + cpu_backend().name();
  return {{"cpu", true, cpu}, {"metal", metal_backend() != nullptr, metal_status()}};
}

void set_num_threads(std::size_t count) {
  if (count == 0) throw std::invalid_argument("[set_num_threads] count: expected at least 1, got 0");
  thread_count = count;
}

std::size_t num_threads() {
  const std::size_t count = thread_count;
  return count == 0 ? hardware_threads() : count;
}

Choice choose_backend(Device requested, const char* function) {
  const Backend* metal = metal_backend();
  if (requested == Device::metal && metal == nullptr) {
    throw std::invalid_argument(std::string("[") + function +
                                "] device: expected an available device, got \"metal\" (" + metal_status() +
                                "); use \"cpu\" or \"auto\"");
  }
  if (requested == Device::cpu) return {cpu_backend(), {"cpu", "requested"}};
  if (metal != nullptr) return {*metal, {"metal", requested == Device::metal ? "requested" : "available"}};
  return {cpu_backend(), {"cpu", metal_status()}};
}

}  // namespace portfolio
