// The one GPU of the process, and the record of what became of it.
#include <unistd.h>

#include <mutex>

#include "attempt.hpp"

namespace portfolio::metal {
namespace {

struct Process {
  std::mutex guard;
  std::unique_ptr<Gpu> gpu;
  std::string absence;
  bool opened = false;
  pid_t owner = 0;
  Fallbacks fallbacks;
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
  ++the.fallbacks.count;
  the.fallbacks.last = why;
}

Fallbacks fallbacks() {
  Process& the = process();
  const std::lock_guard<std::mutex> lock(the.guard);
  return the.fallbacks;
}

}  // namespace portfolio::metal
