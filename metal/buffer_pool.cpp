#include "buffer_pool.hpp"

namespace portfolio::metal {
namespace {

constexpr std::size_t kPage = 16384;
constexpr std::size_t kIdleLimit = std::size_t{256} << 20;  // beyond it memory goes back to the system

std::size_t whole_pages(std::size_t bytes) { return (bytes / kPage + (bytes % kPage != 0 || bytes == 0)) * kPage; }

}  // namespace

std::shared_ptr<MTL::Buffer> BufferPool::take(std::size_t bytes) {
  const std::size_t length = whole_pages(bytes);
  MTL::Buffer* buffer = idle(length);
  if (buffer == nullptr) buffer = device_->newBuffer(length, MTL::ResourceStorageModeShared);
  if (buffer == nullptr) {
    drop_idle();  // it may be our own idle memory that is missing
    buffer = device_->newBuffer(length, MTL::ResourceStorageModeShared);
  }
  if (buffer == nullptr) return nullptr;
  return {buffer, [pool = weak_from_this()](MTL::Buffer* last) {
            if (const auto alive = pool.lock()) {
              alive->give_back(last);
            } else {
              last->release();
            }
          }};
}

std::shared_ptr<MTL::Buffer> BufferPool::wrap(const void* pages, std::size_t bytes) {
  MTL::Buffer* buffer = device_->newBuffer(pages, bytes, MTL::ResourceStorageModeShared, nullptr);
  if (buffer == nullptr) return nullptr;
  return {buffer, [](MTL::Buffer* last) { last->release(); }};
}

MTL::Buffer* BufferPool::idle(std::size_t length) {
  const std::lock_guard<std::mutex> lock(guard_);
  const auto found = idle_.lower_bound(length);
  if (found == idle_.end() || found->first > 2 * length) return nullptr;
  MTL::Buffer* buffer = found->second;
  idle_bytes_ -= found->first;
  idle_.erase(found);
  return buffer;
}

void BufferPool::give_back(MTL::Buffer* buffer) {
  const std::size_t length = buffer->length();
  {
    const std::lock_guard<std::mutex> lock(guard_);
    if (idle_bytes_ + length <= kIdleLimit) {
      idle_.emplace(length, buffer);
      idle_bytes_ += length;
      return;
    }
  }
  buffer->release();
}

void BufferPool::drop_idle() {
  const std::lock_guard<std::mutex> lock(guard_);
  for (const auto& [length, buffer] : idle_) buffer->release();
  idle_.clear();
  idle_bytes_ = 0;
}

}  // namespace portfolio::metal
