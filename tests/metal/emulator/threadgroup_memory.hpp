// Memory that the threads of one threadgroup share: every array a block of its own, full of NaN when a group starts.
#pragma once

#include <cstddef>
#include <vector>

#include "device.hpp"

namespace emulator {
class ThreadgroupMemory {
 public:
  // Bytes of the [[threadgroup(n)]] and of the arrays that the kernel declares; watched: by ThreadSanitizer.
  ThreadgroupMemory(const std::vector<std::size_t>& bound, const std::vector<std::size_t>& arrays, bool watched);
  ~ThreadgroupMemory();
  ThreadgroupMemory(const ThreadgroupMemory&) = delete;
  ThreadgroupMemory& operator=(const ThreadgroupMemory&) = delete;

  void start_group();
  const Block* bound() const { return blocks_.data(); }
  void* array(unsigned ordinal) const { return blocks_[bound_count_ + ordinal].data; }
  // Watched, every group has memory of its own, kept until here: reuse would look like a race.
  void free_retired();

 private:
  const bool watched_;
  std::size_t bound_count_;
  std::vector<Block> blocks_, retired_;
};
}  // namespace emulator
