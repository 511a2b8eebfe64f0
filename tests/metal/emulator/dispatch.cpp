// Checks a launch against the kernel's signature as Metal's API validation would, and runs its threadgroups.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <random>

#include "denormals.hpp"
#include "group.hpp"

namespace emulator {
namespace {
[[noreturn]] void refuse(const Kernel& kernel, const std::string& what) {
  throw Error("kernel " + kernel.name + ": " + what);
}

void check_buffer(const Kernel& kernel, const Parameter& parameter, const LinkedParameter& linked,
                  const Launch& launch) {
  const auto index = static_cast<std::size_t>(parameter.index);
  const std::string name = "buffer(" + std::to_string(index) + ") " + parameter.name;
  if (index >= launch.arguments.size() || launch.arguments[index].data == nullptr)
    refuse(kernel, name + " is not bound");
  const Argument& argument = launch.arguments[index];
  if (parameter.writable && !argument.writable) refuse(kernel, name + " is read-only and the kernel may write it");
  if (argument.bytes < parameter.element_bytes) {
    refuse(kernel, name + " has " + std::to_string(argument.bytes) + " bytes, one " + parameter.type + " needs " +
                       std::to_string(parameter.element_bytes));
  }
  if (reinterpret_cast<std::uintptr_t>(argument.data) % linked.alignment != 0) refuse(kernel, name + " is misaligned");
}

void check_threadgroup_memory(const Kernel& kernel, const Launch& launch, const Options& options) {
  std::size_t declared = 0, total = kernel.static_threadgroup_bytes;
  for (const Parameter& parameter : kernel.parameters) {
    if (parameter.binding == Binding::threadgroup) declared = std::max(declared, std::size_t(parameter.index) + 1);
  }
  if (launch.threadgroup_bytes.size() != declared) {
    refuse(kernel, std::to_string(launch.threadgroup_bytes.size()) + " threadgroup lengths for " +
                       std::to_string(declared) + " [[threadgroup(n)]]");
  }
  for (const std::size_t length : launch.threadgroup_bytes) {
    if (length == 0 || length % 16 != 0) refuse(kernel, "a threadgroup length must be a positive multiple of 16");
    total += length;
  }
  if (total > options.max_threadgroup_bytes) {
    refuse(kernel, "threadgroup memory: " + std::to_string(total) + " bytes of at most " +
                       std::to_string(options.max_threadgroup_bytes));
  }
}

void check(const Kernel& kernel, const Launch& launch, const Options& options) {
  const std::size_t threads = launch.threads.count();
  const std::size_t most =
      kernel.max_threads != 0 ? std::min(kernel.max_threads, options.max_threads) : options.max_threads;
  if (threads == 0 || threads > most) {
    refuse(kernel,
           std::to_string(threads) + " threads in a threadgroup, from 1 to " + std::to_string(most) + " are possible");
  }
  if (launch.groups.count() == 0) refuse(kernel, "an empty grid");
  std::size_t declared = 0;
  for (std::size_t i = 0; i < kernel.parameters.size(); ++i) {
    const Parameter& parameter = kernel.parameters[i];
    if (parameter.binding == Binding::buffer) {
      check_buffer(kernel, parameter, kernel.linked->parameters[i], launch);
      declared = std::max(declared, std::size_t(parameter.index) + 1);
    }
    if (parameter.type == "uint" && parameter.binding == Binding::builtin &&
        parameter.name.find("position") != std::string::npos &&
        launch.groups.count() * threads != std::size_t{launch.groups.x} * launch.threads.x) {
      refuse(kernel, parameter.name + " is one number, the grid has more dimensions");
    }
  }
  if (launch.arguments.size() > declared) {
    refuse(kernel, std::to_string(launch.arguments.size()) + " arguments are bound, the kernel knows " +
                       std::to_string(declared));
  }
  check_threadgroup_memory(kernel, launch, options);
}
}  // namespace

void dispatch(const std::string& name, const Launch& launch) {
  const Kernel& kernel = find_kernel(name);
  const Options options = emulator::options();
  check(kernel, launch, options);
  std::vector<Extent> positions;
  for (std::uint32_t z = 0; z < launch.groups.z; ++z) {
    for (std::uint32_t y = 0; y < launch.groups.y; ++y) {
      for (std::uint32_t x = 0; x < launch.groups.x; ++x) positions.push_back({x, y, z});
    }
  }
  std::mt19937_64 random(options.seed);
  if (options.seed != 0) std::shuffle(positions.begin(), positions.end(), random);
  const FlushDenormals flush(options.flush_denormals);
  Group group(kernel, launch, options);
  for (const Extent& position : positions) group.run(position);
}
}  // namespace emulator
