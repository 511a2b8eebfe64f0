#include "threadgroup_memory.hpp"

#include <sys/mman.h>

#include <cstdlib>
#include <new>

#include "context.hpp"

namespace emulator {
namespace {
// Exactly as long as asked for, so that AddressSanitizer sees the first byte beyond. For ThreadSanitizer in pages that
// no buffer will ever be in, since it ignores for good the memory that it is not to watch.
Block allocate(std::size_t bytes) {
  void* data = under_tsan ? mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                          : std::malloc(bytes);
  if (data == nullptr || data == MAP_FAILED) throw std::bad_alloc();
  return {data, bytes};
}

void free_block(const Block& block) {
  if (under_tsan) {
    munmap(block.data, block.bytes);
  } else {
    std::free(block.data);
  }
}

// volatile: a memset would be seen by ThreadSanitizer as an access of the thread that happens to run.
void poison(const Block& block) {
  auto* words = static_cast<volatile unsigned*>(block.data);
  for (std::size_t i = 0; i < block.bytes / 4; ++i) words[i] = 0xFFFFFFFFu;
  auto* bytes = static_cast<volatile unsigned char*>(block.data);
  for (std::size_t i = block.bytes / 4 * 4; i < block.bytes; ++i) bytes[i] = 0xFF;
}
}  // namespace

ThreadgroupMemory::ThreadgroupMemory(const std::vector<std::size_t>& bound, const std::vector<std::size_t>& arrays,
                                     bool watched)
    : watched_(under_tsan && watched), bound_count_(bound.size()) {
  for (const std::size_t bytes : bound) blocks_.push_back(allocate(bytes));
  for (const std::size_t bytes : arrays) blocks_.push_back(allocate(bytes));
  if (!watched) {
    for (const Block& block : blocks_) tsan_ignore(block.data, block.bytes);
  }
}

ThreadgroupMemory::~ThreadgroupMemory() {
  free_retired();
  for (const Block& block : blocks_) free_block(block);
}

void ThreadgroupMemory::start_group() {
  for (Block& block : blocks_) {
    if (watched_) {
      retired_.push_back(block);
      block = allocate(block.bytes);
    }
    poison(block);
  }
}

void ThreadgroupMemory::free_retired() {
  for (const Block& block : retired_) free_block(block);
  retired_.clear();
}
}  // namespace emulator
