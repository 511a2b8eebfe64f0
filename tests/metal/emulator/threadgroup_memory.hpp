// Memory that the threads of one threadgroup share: every array a block of its own, full of NaN when a group starts.
#pragma once

#include <cstddef>
#include <vector>

#include "device.hpp"

namespace emulator {
class ThreadgroupMemory {
 public:
  ThreadgroupMemory(const std::vector<std::size_t>& lengths, std::size_t limit);
  ~ThreadgroupMemory();
  ThreadgroupMemory(const ThreadgroupMemory&) = delete;
  ThreadgroupMemory& operator=(const ThreadgroupMemory&) = delete;

  void start_group();
  const Block* bound() const { return bound_.data(); }
  void* array(unsigned ordinal) const { return ordinal < arrays_.size() ? arrays_[ordinal].data : nullptr; }
  bool fits(std::size_t more_bytes) const { return used_ + more_bytes <= limit_; }
  void allocate_array(unsigned ordinal, std::size_t bytes);
  // Under ThreadSanitizer every group has memory of its own, kept until here: reuse would look like a race.
  void free_retired();

 private:
  static Block allocate(std::size_t bytes);

  std::vector<Block> bound_, arrays_, retired_;
  std::size_t used_ = 0, limit_;
};
}  // namespace emulator
