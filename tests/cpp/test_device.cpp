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
  set_num_threads(3);
  CHECK(num_threads() == 3);
  CHECK_THROWS(set_num_threads(0), "at least 1");
  return check::finish();
}
