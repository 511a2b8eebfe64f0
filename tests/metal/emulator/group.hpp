// Runs the threads of one threadgroup in turns: from barrier to barrier, and from simd operation to simd operation.
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "context.hpp"
#include "device.hpp"
#include "emulator.hpp"
#include "threadgroup_memory.hpp"

namespace emulator {
enum class State : unsigned char { ready, at_barrier, in_simdgroup, done };

struct Fiber {
  explicit Fiber(void (*start)(void*)) : context(start, this) {}
  Context context;
  Thread thread = {};
  State state = State::done;
  const char* operation = "";
  Place place = {"", 0};
  unsigned simd_count = 0, barrier_count = 0;
};

struct Simdgroup {
  // Two sets: a lane may deposit for the next operation while another still reads this one's slots.
  alignas(slot_bytes) unsigned char slots[2][simd_width][slot_bytes];
  unsigned char order[2][simd_width];
};

// Under ThreadSanitizer groups share nothing, not even the addresses of barriers, until all have ended.
constexpr std::size_t groups_between_frees = 64;

class Group {
 public:
  Group(const Kernel& kernel, const Launch& launch, const Options& options);
  ~Group();
  void run(Extent position);  // throws Error

  // What the fiber that is running asks for.
  static Group& current();
  unsigned lane() const { return running_->thread.thread_index_in_simdgroup; }
  Lanes exchange(const void* value, unsigned long bytes, const char* operation, Place place);
  void simdgroup_barrier(unsigned memory, Place place);
  void threadgroup_barrier(unsigned memory, Place place);
  void* threadgroup_array(unsigned ordinal) const { return memory_.array(ordinal); }
  float noise(float x);
  const std::string& kernel_name() const { return kernel_.name; }

 private:
  static void fiber_main(void* fiber);
  void place_threads(Extent position);
  void run_ready();
  void abandon();
  Context& next_ready();
  void barrier(State state, const char* operation, std::size_t owner, unsigned count, unsigned memory, Place place);
  void wait(State state, const char* operation, Place place);
  void stop(State state, const char* operation, Place place);
  bool release_simdgroups();
  bool release_threadgroup();
  void release_simdgroup(std::size_t first, std::size_t last, const Fiber& waiting);
  [[noreturn]] void refuse(const std::string& what) const;

  const Kernel& kernel_;
  const Launch& launch_;
  const Options options_;
  Context main_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fiber*> threads_, order_;
  std::vector<Simdgroup> simdgroups_;
  std::vector<Block> buffers_;
  ThreadgroupMemory memory_;
  std::mt19937_64 random_, noise_;
  std::size_t cursor_ = 0, groups_run_ = 0;
  Fiber* running_ = nullptr;
  std::exception_ptr failure_;  // what a fiber threw
  bool abandoned_ = false;
  std::vector<char> syncs_;  // an address for each barrier, all that ThreadSanitizer wants of it
  char start_sync_ = 0, end_sync_ = 0;
};
}  // namespace emulator
