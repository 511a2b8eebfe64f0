#include "portfolio/device.hpp"

#include <atomic>
#include <stdexcept>
#include <thread>

#include "backend.hpp"

namespace portfolio {
namespace {

std::atomic<std::size_t> thread_count{0};
std::atomic<Device> chosen_default{Device::automatic};

std::size_t hardware_threads() {
  const unsigned count = std::thread::hardware_concurrency();
  return count == 0 ? 1 : count;
}

const Backend& named_metal(const char* function) {
  const Backend* metal = metal_backend(SizeRule::ignore);
  if (metal != nullptr) return *metal;
  throw std::invalid_argument(std::string("[") + function + "] device: expected an available device, got \"metal\" (" +
                              metal_status() + "); use \"cpu\" or \"auto\"");
}

}  // namespace

Device parse_device(const std::string& name, const char* function) {
  if (name == "auto") return Device::automatic;
  if (name == "cpu") return Device::cpu;
  if (name == "metal") return Device::metal;
  throw std::invalid_argument(std::string("[") + function +
                              "] device: expected \"auto\", \"cpu\" or \"metal\", got \"" + name + "\"");
}

const char* to_string(Device device) {
  switch (device) {
    case Device::cpu:
      return "cpu";
    case Device::metal:
      return "metal";
    case Device::automatic:
      break;
  }
  return "auto";
}

std::vector<DeviceInfo> available_devices() {
  const std::string cpu = std::to_string(hardware_threads()) + " threads, " + cpu_backend().name();
  return {{"cpu", true, cpu}, {"metal", metal_backend(SizeRule::ignore) != nullptr, metal_status()}};
}

void set_default_device(Device device) {
  if (device == Device::metal) named_metal("set_default_device");
  chosen_default = device;
}

Device default_device() { return chosen_default; }

void set_num_threads(std::size_t count) {
  if (count == 0) throw std::invalid_argument("[set_num_threads] count: expected at least 1, got 0");
  thread_count = count;
}

std::size_t num_threads() {
  const std::size_t count = thread_count;
  return count == 0 ? hardware_threads() : count;
}

Choice choose_backend(Device requested, const char* function) {
  const bool named = requested != Device::automatic;
  const Device device = named ? requested : default_device();
  const char* why = named ? "requested" : "default";
  if (device == Device::cpu) return {cpu_backend(), {"cpu", why}};
  if (device == Device::metal) return {named_metal(function), {"metal", why}};
  const Backend* metal = metal_backend(SizeRule::apply);
  if (metal != nullptr && !metal_health().emulated) return {*metal, {"metal", "available"}};
  return {cpu_backend(),
          {"cpu", metal == nullptr ? metal_status() : metal_status() + " is used only when it is named"}};
}

}  // namespace portfolio
