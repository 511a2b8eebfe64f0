// Our own threads: work is split in blocks that never depend on the number of threads, so results do not either.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "portfolio/device.hpp"

namespace portfolio {

// Blocks of at most `size` items that cover `count` items.
inline std::size_t block_count(std::size_t count, std::size_t size) { return (count + size - 1) / size; }

// Calls body(block) once for each block below `blocks`, in any order, on up to num_threads() threads. The caller
// keeps one result a block and reduces them in block order. Of several exceptions the lowest block's is rethrown.
template <class Body>
void parallel_for(std::size_t blocks, const Body& body) {
  const std::size_t workers = std::min(num_threads(), blocks);
  if (workers <= 1) {
    for (std::size_t block = 0; block < blocks; ++block) body(block);
    return;
  }
  std::atomic<std::size_t> next{0};
  std::mutex guard;
  std::size_t failed = blocks;
  std::exception_ptr error;
  const auto work = [&] {
    for (std::size_t block = next++; block < blocks; block = next++) {
      try {
        body(block);
      } catch (...) {
        const std::lock_guard<std::mutex> lock(guard);
        if (block < failed) {
          failed = block;
          error = std::current_exception();
        }
        next = blocks;  // the rest would be thrown away
      }
    }
  };
  std::vector<std::thread> threads;
  threads.reserve(workers - 1);
  try {
    while (threads.size() + 1 < workers) threads.emplace_back(work);
  } catch (const std::system_error&) {
    // Out of threads: the ones that started, and this one, do the work.
  }
  work();
  for (auto& thread : threads) thread.join();
  if (error) std::rethrow_exception(error);
}

}  // namespace portfolio
