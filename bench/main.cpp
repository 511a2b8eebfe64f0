// Every benchmark program: `bench_qp --device=cpu,metal`, beside Google Benchmark's own options. A device that is not
// there, or only emulated, is not timed, and the program says so.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <exception>
#include <portfolio/device.hpp>
#include <sstream>
#include <string>
#include <vector>

namespace {

constexpr const char* kOption = "--device=";

// Takes our option out of the arguments.
std::string devices_asked_for(int& argc, char** argv) {
  std::string devices = "cpu,metal";
  int kept = 1;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument.rfind(kOption, 0) == 0) {
      devices = argument.substr(std::string(kOption).size());
    } else {
      argv[kept++] = argv[i];
    }
  }
  argc = kept;
  return devices;
}

std::string why_not_measured(portfolio::Device device) {
  if (device != portfolio::Device::metal) return "";
  const portfolio::DeviceHealth health = portfolio::metal_health();
  if (!health.available) return health.reason;
  return health.emulated ? health.name + " is no hardware" : "";
}

void run_on(const std::string& name) {
  const portfolio::Device device = portfolio::parse_device(name, "--device");
  if (const std::string why = why_not_measured(device); !why.empty()) {
    std::printf("%s: not measured here: %s\n", name.c_str(), why.c_str());
    return;
  }
  std::printf("%s:\n", name.c_str());
  std::fflush(stdout);
  portfolio::set_default_device(device);
  benchmark::RunSpecifiedBenchmarks();
}

}  // namespace

int main(int argc, char** argv) {
  std::istringstream devices(devices_asked_for(argc, argv));
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  try {
    for (std::string name; std::getline(devices, name, ',');) run_on(name);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  benchmark::Shutdown();
  return 0;
}
