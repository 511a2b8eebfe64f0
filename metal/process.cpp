// The one GPU of the process, and the record of what became of it.
#include <unistd.h>

#include <mutex>

#include "attempt.hpp"
#include "metal_backend.hpp"

namespace portfolio {
namespace metal {
namespace {

struct Process {
  std::mutex guard;
  std::unique_ptr<Gpu> gpu;
  std::string absence;
  bool opened = false;
  pid_t owner = 0;
  std::uint64_t fallbacks = 0;
  std::string last_fallback;
};

// Never destroyed: other threads may still compute while the process exits.
Process& process() {
  static Process* const the = new Process;
  return *the;
}

}  // namespace

Gpu* Gpu::get() {
  Process& the = process();
  const std::lock_guard<std::mutex> lock(the.guard);
  if (!the.opened) {
    the.opened = true;
    the.owner = getpid();
    try {
      the.gpu = open();
    } catch (const Failure& failure) {
      the.absence = failure.what();
    }
  }
  return the.gpu.get();
}

std::string Gpu::absence() {
  Gpu::get();
  Process& the = process();
  const std::lock_guard<std::mutex> lock(the.guard);
  return the.absence;
}

void Gpu::close() {
  Process& the = process();
  const std::lock_guard<std::mutex> lock(the.guard);
  the.gpu.reset();
  the.absence.clear();
  the.opened = false;
}

Gpu& usable_gpu() {
  Gpu* gpu = Gpu::get();
  if (gpu == nullptr) throw Failure(Gpu::absence());
  const std::string trouble = gpu->trouble();
  if (!trouble.empty()) throw Failure(trouble);
  // Neither Metal nor our waiting thread lives on in a fork.
  if (process().owner != getpid()) throw Failure("Metal was opened before this process was forked");
  return *gpu;
}

void record_fallback(const std::string& why) {
  Process& the = process();
  const std::lock_guard<std::mutex> lock(the.guard);
  ++the.fallbacks;
  the.last_fallback = why;
}

}  // namespace metal

const Backend* metal_backend(SizeRule rule) {
  static const metal::MetalBackend wherever_it_can(SizeRule::ignore);
  static const metal::MetalBackend where_faster(SizeRule::apply);
  if (metal::Gpu::get() == nullptr) return nullptr;
  return rule == SizeRule::ignore ? &wherever_it_can : &where_faster;
}

std::string metal_status() {
  const metal::Gpu* gpu = metal::Gpu::get();
  return gpu == nullptr ? metal::Gpu::absence() : gpu->limits().name;
}

DeviceHealth metal_health() {
  DeviceHealth health;
  if (const metal::Gpu* gpu = metal::Gpu::get()) {
    const metal::Limits& limits = gpu->limits();
    health.available = true;
    health.reason = gpu->trouble();
    health.healthy = health.reason.empty();
    health.emulated = !limits.hardware;
    health.name = limits.name;
    health.simdgroup_matrix = limits.simdgroup_matrix;
    health.threads_per_threadgroup = limits.threads_per_threadgroup;
    health.threadgroup_memory = limits.threadgroup_memory;
    health.buffer_length = limits.buffer_length;
  } else {
    health.reason = metal::Gpu::absence();
  }
  metal::Process& the = metal::process();
  const std::lock_guard<std::mutex> lock(the.guard);
  health.fallbacks = the.fallbacks;
  health.last_fallback = the.last_fallback;
  return health;
}

}  // namespace portfolio
