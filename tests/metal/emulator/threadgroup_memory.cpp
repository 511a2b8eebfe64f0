#include "threadgroup_memory.hpp"

#include <cstdlib>
#include <new>

#include "context.hpp"

namespace emulator {
namespace {
// volatile: a memset would be seen by ThreadSanitizer as an access of the thread that happens to run.
void poison(const Block& block) {
  auto* words = static_cast<volatile unsigned*>(block.data);
  for (std::size_t i = 0; i < block.bytes / 4; ++i) words[i] = 0xFFFFFFFFu;
  auto* bytes = static_cast<volatile unsigned char*>(block.data);
  for (std::size_t i = block.bytes / 4 * 4; i < block.bytes; ++i) bytes[i] = 0xFF;
}
}  // namespace

ThreadgroupMemory::ThreadgroupMemory(const std::vector<std::size_t>& lengths, std::size_t limit) : limit_(limit) {
  for (const std::size_t length : lengths) {
    bound_.push_back(allocate(length));
    used_ += length;
  }
}

ThreadgroupMemory::~ThreadgroupMemory() {
  free_retired();
  for (const Block& block : bound_) std::free(block.data);
  for (const Block& block : arrays_) std::free(block.data);
}

void ThreadgroupMemory::start_group() {
  if (under_tsan) {
    retired_.insert(retired_.end(), bound_.begin(), bound_.end());
    retired_.insert(retired_.end(), arrays_.begin(), arrays_.end());
    for (Block& block : bound_) block = allocate(block.bytes);
    for (const Block& block : arrays_) used_ -= block.bytes;
    arrays_.clear();
  }
  for (const Block& block : bound_) poison(block);
  for (const Block& block : arrays_) poison(block);
}

void ThreadgroupMemory::free_retired() {
  for (const Block& block : retired_) std::free(block.data);
  retired_.clear();
}

void ThreadgroupMemory::allocate_array(unsigned ordinal, std::size_t bytes) {
  if (ordinal >= arrays_.size()) arrays_.resize(ordinal + 1, {nullptr, 0});
  arrays_[ordinal] = allocate(bytes);
  used_ += bytes;
  poison(arrays_[ordinal]);
}

// Exactly as long as asked for, so that AddressSanitizer sees the first byte beyond.
Block ThreadgroupMemory::allocate(std::size_t bytes) {
  void* data = std::malloc(bytes);
  if (data == nullptr) throw std::bad_alloc();
  return {data, bytes};
}
}  // namespace emulator
