#include "threadgroup_memory.hpp"

#include <cstdlib>
#include <new>

#include "context.hpp"

namespace emulator {
namespace {
// Exactly as long as asked for, so that AddressSanitizer sees the first byte beyond.
Block allocate(std::size_t bytes) {
  void* data = std::malloc(bytes);
  if (data == nullptr) throw std::bad_alloc();
  return {data, bytes};
}

// volatile: a memset would be seen by ThreadSanitizer as an access of the thread that happens to run.
void poison(const Block& block) {
  auto* words = static_cast<volatile unsigned*>(block.data);
  for (std::size_t i = 0; i < block.bytes / 4; ++i) words[i] = 0xFFFFFFFFu;
  auto* bytes = static_cast<volatile unsigned char*>(block.data);
  for (std::size_t i = block.bytes / 4 * 4; i < block.bytes; ++i) bytes[i] = 0xFF;
}
}  // namespace

ThreadgroupMemory::ThreadgroupMemory(const std::vector<std::size_t>& bound, const std::vector<std::size_t>& arrays)
    : bound_count_(bound.size()) {
  for (const std::size_t bytes : bound) blocks_.push_back(allocate(bytes));
  for (const std::size_t bytes : arrays) blocks_.push_back(allocate(bytes));
}

ThreadgroupMemory::~ThreadgroupMemory() {
  free_retired();
  for (const Block& block : blocks_) std::free(block.data);
}

void ThreadgroupMemory::start_group() {
  for (Block& block : blocks_) {
    if (under_tsan) {
      retired_.push_back(block);
      block = allocate(block.bytes);
    }
    poison(block);
  }
}

void ThreadgroupMemory::free_retired() {
  for (const Block& block : retired_) std::free(block.data);
  retired_.clear();
}
}  // namespace emulator
