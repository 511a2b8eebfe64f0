#pragma once

#include <Foundation/Foundation.hpp>

namespace portfolio::metal {

// Metal hands out temporary objects to the innermost pool of the thread: one in every function that others call.
class AutoreleasePool {
 public:
  AutoreleasePool() : pool_(NS::AutoreleasePool::alloc()->init()) {}
  ~AutoreleasePool() { pool_->release(); }
  AutoreleasePool(const AutoreleasePool&) = delete;
  AutoreleasePool& operator=(const AutoreleasePool&) = delete;

 private:
  NS::AutoreleasePool* pool_;
};

}  // namespace portfolio::metal
