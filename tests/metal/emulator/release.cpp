// When waiting fibers may go on, and what is wrong when they never can.
#include <algorithm>
#include <cstring>
#include <numeric>

#include "group.hpp"

namespace emulator {
namespace {
bool same_text(const char* a, const char* b) { return a == b || std::strcmp(a, b) == 0; }

bool same_place(const Fiber& a, const Fiber& b) {
  return a.place.line == b.place.line && same_text(a.operation, b.operation) && same_text(a.place.file, b.place.file);
}

std::string where(const Fiber& fiber) {
  const std::string thread = "thread " + std::to_string(fiber.thread.thread_index_in_threadgroup);
  if (fiber.state == State::done) return thread + " has returned";
  return thread + " waits at " + fiber.operation + " (" + fiber.place.file + ":" + std::to_string(fiber.place.line) +
         ")";
}
}  // namespace

void Group::refuse(const std::string& what) const { throw Error("kernel " + kernel_.name + ": " + what); }

bool Group::release_simdgroups() {
  bool released = false;
  for (std::size_t first = 0; first < threads_.size(); first += simd_width) {
    const std::size_t last = std::min(first + simd_width, threads_.size());
    const auto waiting = std::find_if(threads_.begin() + static_cast<std::ptrdiff_t>(first),
                                      threads_.begin() + static_cast<std::ptrdiff_t>(last),
                                      [](const Fiber* fiber) { return fiber->state == State::in_simdgroup; });
    if (waiting == threads_.begin() + static_cast<std::ptrdiff_t>(last)) continue;
    release_simdgroup(first, last, **waiting);
    released = true;
  }
  return released;
}

// Nobody is ready when this is called: whoever is not waiting here by now never will.
void Group::release_simdgroup(std::size_t first, std::size_t last, const Fiber& waiting) {
  for (std::size_t i = first; i < last; ++i) {
    const Fiber& other = *threads_[i];
    if (other.state != State::in_simdgroup || !same_place(waiting, other)) {
      refuse("simdgroup operation in divergent control flow: " + where(waiting) + ", " + where(other));
    }
  }
  if (last - first < simd_width) {
    refuse("simdgroup operation in a partial simdgroup of " + std::to_string(last - first) +
           " threads: " + where(waiting));
  }
  Simdgroup& simdgroup = simdgroups_[first / simd_width];
  unsigned char* order = simdgroup.order[waiting.simd_count & 1];
  std::iota(order, order + simd_width, static_cast<unsigned char>(0));
  if (options_.seed != 0) std::shuffle(order, order + simd_width, random_);
  for (std::size_t i = first; i < last; ++i) threads_[i]->state = State::ready;
}

// True when a barrier has let all threads go on, false when all have returned.
bool Group::release_threadgroup() {
  const Fiber* waiting = nullptr;
  for (const Fiber* fiber : threads_) {
    if (fiber->state == State::at_barrier) waiting = fiber;
  }
  if (waiting == nullptr) return false;
  for (const Fiber* other : threads_) {
    if (other->state != State::at_barrier || !same_place(*waiting, *other)) {
      refuse("threadgroup_barrier in divergent control flow: " + where(*waiting) + ", " + where(*other));
    }
  }
  for (Fiber* fiber : threads_) fiber->state = State::ready;
  return true;
}
}  // namespace emulator
