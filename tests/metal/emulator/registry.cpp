// The kernels that are linked in, the options, and what a launch binds.
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "device.hpp"
#include "emulator.hpp"

namespace emulator {
namespace {
Parameter describe(const LinkedParameter& linked) {
  const Binding binding = linked.binding == 'b'   ? Binding::buffer
                          : linked.binding == 't' ? Binding::threadgroup
                                                  : Binding::builtin;
  return {binding, linked.index, linked.name, linked.type, linked.element_bytes, linked.writable, linked.reference};
}

std::map<std::string, Kernel> collect() {
  std::map<std::string, Kernel> all;
  for (const LinkedFile* const* file = linked_files; *file != nullptr; ++file) {
    for (unsigned i = 0; i < (*file)->count; ++i) {
      const LinkedKernel& linked = (*file)->kernels[i];
      Kernel kernel{linked.name, linked.file, linked.line, {}, {}, 0, linked.max_threads, &linked};
      for (unsigned p = 0; p < linked.parameter_count; ++p) kernel.parameters.push_back(describe(linked.parameters[p]));
      for (const unsigned long* bytes = linked.array_bytes; *bytes != 0; ++bytes) {
        kernel.threadgroup_arrays.push_back(*bytes);
        kernel.static_threadgroup_bytes += *bytes;
      }
      if (!all.emplace(kernel.name, kernel).second) throw Error("two kernels are called " + kernel.name);
    }
  }
  return all;
}

std::uint64_t from_environment(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? 0 : std::stoull(text);
}

Fences fences_from_environment() {
  const char* text = std::getenv("EMULATOR_FENCES");
  const std::string name = text == nullptr ? "any" : text;
  if (name == "any") return Fences::any;
  if (name == "device") return Fences::device;
  if (name == "threadgroup") return Fences::threadgroup;
  throw Error("EMULATOR_FENCES: expected any, device or threadgroup, got " + name);
}

std::mutex options_mutex;

Options& shared_options() {
  static Options shared = [] {
    Options first;
    first.seed = from_environment("EMULATOR_SEED");
    first.ulp_noise = static_cast<int>(from_environment("EMULATOR_ULP_NOISE"));
    first.fences = fences_from_environment();
    return first;
  }();
  return shared;
}
}  // namespace

const std::map<std::string, Kernel>& kernels() {
  static const std::map<std::string, Kernel> all = collect();
  return all;
}

const Kernel& find_kernel(const std::string& name) {
  const auto found = kernels().find(name);
  if (found == kernels().end()) throw Error("no kernel is called " + name);
  return found->second;
}

Options options() {
  const std::lock_guard lock(options_mutex);
  return shared_options();
}

void set_options(const Options& options) {
  const std::lock_guard lock(options_mutex);
  shared_options() = options;
}

Argument buffer(void* data, std::size_t bytes) { return {data, bytes, true, {}}; }

Argument buffer(const void* data, std::size_t bytes) { return {const_cast<void*>(data), bytes, false, {}}; }

Argument value(const void* data, std::size_t bytes) {
  const std::shared_ptr<void> copy(std::malloc(bytes), &std::free);
  std::memcpy(copy.get(), data, bytes);
  return {copy.get(), bytes, false, copy};
}
}  // namespace emulator
