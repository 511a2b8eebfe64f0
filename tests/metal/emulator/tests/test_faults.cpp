// What the sanitizers must see: runs each faulty kernel in a process of its own and reads the report.
// usage: test_faults thread|address; with a second argument it runs that kernel.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "run.hpp"

namespace {
int run_kernel(const std::string& kernel) {
  std::vector<float> in(64, 1.0f), out(kernel == "no_fault" || kernel == "no_barrier" ? 70 * 64 : 2 * 64);
  const std::uint32_t groups = static_cast<std::uint32_t>(out.size() / 64);
  const bool matrix = kernel == "beyond_matrix";
  emulator::dispatch(kernel, {.arguments = {emulator::buffer(std::as_const(in)), emulator::buffer(out)},
                              .groups = {groups},
                              .threads = {matrix ? 32u : 64u},
                              .threadgroup_bytes = {256}});
  return 0;
}

struct Outcome {
  int status = 0;
  std::string text;
};

Outcome run_alone(const std::string& self, const std::string& kernel, const std::string& fences = "any") {
  const std::string command = "EMULATOR_FENCES=" + fences + " '" + self + "' run " + kernel + " 2>&1";
  Outcome outcome;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return {-1, "popen failed"};
  std::array<char, 4096> part{};
  while (std::fgets(part.data(), part.size(), pipe) != nullptr) outcome.text += part.data();
  outcome.status = pclose(pipe);
  return outcome;
}

void expect_clean(const std::string& self, const std::string& kernel, const std::string& fences) {
  const Outcome outcome = run_alone(self, kernel, fences);
  check::that(outcome.status == 0 && outcome.text.empty(), outcome.text.c_str(), __FILE__, __LINE__);
}

void expect_report(const std::string& self, const std::string& kernel, const std::string& report,
                   const std::string& fences = "any") {
  const std::string file = emulator::find_kernel(kernel).file;
  const std::string place = "faults.metal:" + std::to_string(line_of(file, ": " + kernel));
  const Outcome outcome = run_alone(self, kernel, fences);
  const bool seen = outcome.status != 0 && outcome.text.find(report) != std::string::npos &&
                    outcome.text.find(place) != std::string::npos;
  const std::string text = kernel + ": no \"" + report + "\" at " + place + " in:\n" + outcome.text;
  check::that(seen, text.c_str(), __FILE__, __LINE__);
}

void races(const std::string& self) {
  const std::string race = "ThreadSanitizer: data race";
  for (const char* fences : {"any", "device", "threadgroup"}) expect_clean(self, "no_fault", fences);
  for (const char* kernel : {"no_barrier", "no_second_barrier", "barrier_without_memory", "simd_is_no_barrier",
                             "simd_barrier_between_simdgroups", "between_groups", "between_groups_around_a_barrier"}) {
    expect_report(self, kernel, race);
  }
  // A barrier for the wrong memory is seen only where that memory alone is watched.
  expect_clean(self, "no_device_flag", "any");
  expect_clean(self, "no_device_flag", "threadgroup");
  expect_report(self, "no_device_flag", race, "device");
  expect_clean(self, "no_threadgroup_flag", "any");
  expect_clean(self, "no_threadgroup_flag", "device");
  expect_report(self, "no_threadgroup_flag", race, "threadgroup");
}

void overflows(const std::string& self) {
  expect_clean(self, "no_fault", "any");
  for (const char* kernel : {"beyond_buffer", "beyond_bound", "beyond_array", "beyond_matrix"}) {
    expect_report(self, kernel, "AddressSanitizer: heap-buffer-overflow");
  }
}
}  // namespace

int main(int count, char** arguments) {
  const std::string self = arguments[0], sanitizer = count > 1 ? arguments[1] : "";
  if (count == 3) return run_kernel(arguments[2]);
  setenv("TSAN_OPTIONS", "halt_on_error=1", 1);
  setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
  if (sanitizer == "thread") races(self);
  if (sanitizer == "address") overflows(self);
  return check::finish();
}
