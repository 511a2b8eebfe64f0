#include "check.hpp"
#include "portfolio/device.hpp"

int main() {
  using namespace portfolio;
  const auto devices = available_devices();
  CHECK(devices.size() == 2);
  CHECK(devices[0].name == "cpu" && devices[0].available);
  CHECK(devices[1].name == "metal" && !devices[1].description.empty());
  CHECK(parse_device("auto", "test") == Device::automatic);
  CHECK_THROWS(parse_device("gpu", "test"), "[test] device: expected");
  CHECK(default_device() == Device::automatic);
  set_default_device(Device::cpu);
  CHECK(default_device() == Device::cpu && std::string(to_string(default_device())) == "cpu");
  set_default_device(Device::automatic);
  const DeviceHealth health = metal_health();
  CHECK(health.available == devices[1].available && health.healthy == health.reason.empty());
  if (!health.available) CHECK_THROWS(set_default_device(Device::metal), "[set_default_device] device: expected an av");
  CHECK(default_device() == Device::automatic);
  set_num_threads(3);
  CHECK(num_threads() == 3);
  CHECK_THROWS(set_num_threads(0), "at least 1");
  return check::finish();
}
