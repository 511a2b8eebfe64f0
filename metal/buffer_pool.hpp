// Shared memory for CPU and GPU, kept for the next call: asking the system for it costs more than small work does.
#pragma once

#include <Metal/Metal.hpp>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>

namespace portfolio::metal {

class BufferPool : public std::enable_shared_from_this<BufferPool> {
 public:
  explicit BufferPool(NS::SharedPtr<MTL::Device> device) : device_(std::move(device)) {}
  ~BufferPool() { drop_idle(); }
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  // At least `bytes`, contents undefined; null when the system has none. Its last owner gives it back.
  std::shared_ptr<MTL::Buffer> take(std::size_t bytes);
  // The caller's own whole pages, not copied; null when the system refuses.
  std::shared_ptr<MTL::Buffer> wrap(const void* pages, std::size_t bytes);

 private:
  MTL::Buffer* idle(std::size_t bytes);
  void give_back(MTL::Buffer* buffer);
  void drop_idle();

  NS::SharedPtr<MTL::Device> device_;
  std::mutex guard_;
  std::multimap<std::size_t, MTL::Buffer*> idle_;  // by length
  std::size_t idle_bytes_ = 0;
};

}  // namespace portfolio::metal
