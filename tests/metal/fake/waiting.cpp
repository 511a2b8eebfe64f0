#include "waiting.hpp"

#include <condition_variable>
#include <mutex>

#include "faults.hpp"

namespace fake {
namespace {

std::mutex guard;
std::condition_variable called;
long calls = 0;

}  // namespace

long let_go_count() {
  const std::lock_guard<std::mutex> lock(guard);
  return calls;
}

void wait_for_let_go(long count) {
  std::unique_lock<std::mutex> lock(guard);
  called.wait(lock, [&] { return calls > count; });
}

void let_go() {
  const std::lock_guard<std::mutex> lock(guard);
  ++calls;
  called.notify_all();
}

}  // namespace fake
