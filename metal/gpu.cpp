#include "gpu.hpp"

#include <Foundation/Foundation.hpp>
#include <Metal/Metal.hpp>
#include <chrono>
#include <cstdlib>
#include <mutex>

#include "autorelease.hpp"
#include "buffer_pool.hpp"
#include "encode.hpp"
#include "pipelines.hpp"
#include "waiter.hpp"

namespace portfolio::metal {
namespace {

constexpr const char* kEmulation = "Metal (CPU emulation)";  // the device of tests/metal/fake

// One command buffer takes far below one; the emulation is slow and must not be given up for that.
std::chrono::duration<double> time_bound(bool hardware) {
  const char* given = std::getenv("PORTFOLIO_METAL_TIMEOUT");
  const double seconds = given == nullptr ? 0.0 : std::strtod(given, nullptr);
  if (seconds > 0.0) return std::chrono::duration<double>(seconds);
  return std::chrono::seconds(hardware ? 10 : 600);
}

Limits limits_of(MTL::Device* device) {
  Limits limits;
  limits.name = device->name()->utf8String();
  limits.hardware = limits.name != kEmulation;
  limits.simdgroup_matrix = device->supportsFamily(MTL::GPUFamilyApple7);
  limits.threads_per_threadgroup = device->maxThreadsPerThreadgroup().width;
  limits.threadgroup_memory = device->maxThreadgroupMemoryLength();
  limits.buffer_length = device->maxBufferLength();
  return limits;
}

}  // namespace

struct Gpu::State {
  explicit State(NS::SharedPtr<MTL::Device> found)
      : device(found), limits(limits_of(device.get())), bound(time_bound(limits.hardware)), pipelines(device) {}

  [[noreturn]] void give_up(const std::string& why) {
    const std::lock_guard<std::mutex> lock(guard);
    if (trouble.empty()) trouble = why;
    throw Failure(why);
  }

  NS::SharedPtr<MTL::Device> device;
  NS::SharedPtr<MTL::CommandQueue> queue;
  Limits limits;
  std::chrono::duration<double> bound;
  std::shared_ptr<BufferPool> pool = std::make_shared<BufferPool>(device);
  Pipelines pipelines;
  mutable std::mutex guard;
  std::string trouble;
  Waiter waiter;
};

Gpu::Gpu(std::unique_ptr<State> state) : state_(std::move(state)) {}

Gpu::~Gpu() {
  const AutoreleasePool pool;
  state_.reset();
}

std::unique_ptr<Gpu> Gpu::open() {
  const AutoreleasePool pool;
  auto device = NS::TransferPtr(MTL::CreateSystemDefaultDevice());
  if (!device) throw Failure("this machine has no Metal device");
  auto state = std::make_unique<State>(device);
  state->queue = NS::TransferPtr(device->newCommandQueue(256));
  if (!state->queue) throw Failure("Metal gave no command queue");
  return std::unique_ptr<Gpu>(new Gpu(std::move(state)));
}

const Limits& Gpu::limits() const { return state_->limits; }

std::string Gpu::trouble() const {
  const std::lock_guard<std::mutex> lock(state_->guard);
  return state_->trouble;
}

Buffer Gpu::allocate(std::size_t bytes) {
  const AutoreleasePool pool;
  if (bytes > state_->limits.buffer_length) {
    throw Failure("the GPU's buffers hold at most " + std::to_string(state_->limits.buffer_length) + " bytes, not " +
                  std::to_string(bytes));
  }
  Buffer buffer;
  buffer.memory_ = state_->pool->take(bytes);
  if (!buffer.memory_) throw Failure("the GPU has no buffer of " + std::to_string(bytes) + " bytes left");
  buffer.contents_ = buffer.memory_->contents();
  buffer.bytes_ = bytes;
  return buffer;
}

Buffer Gpu::share(const void* data, std::size_t bytes) {
  const AutoreleasePool pool;
  constexpr std::size_t page = 16384;
  const bool whole_pages = reinterpret_cast<std::uintptr_t>(data) % page == 0 && bytes % page == 0 && bytes != 0;
  if (whole_pages && bytes <= state_->limits.buffer_length) {
    Buffer buffer;
    buffer.memory_ = state_->pool->wrap(data, bytes);
    if (buffer.memory_) {
      buffer.contents_ = buffer.memory_->contents();
      buffer.bytes_ = bytes;
      return buffer;
    }
  }
  Buffer copy = allocate(bytes);
  if (bytes != 0) std::memcpy(copy.contents_, data, bytes);
  return copy;
}

std::size_t Gpu::threads_limit(const std::string& kernel) {
  const AutoreleasePool pool;
  return state_->pipelines.get(kernel)->maxTotalThreadsPerThreadgroup();
}

void Gpu::run(const std::vector<Dispatch>& work) {
  const AutoreleasePool pool;
  if (work.empty()) return;
  std::vector<MTL::ComputePipelineState*> pipelines;
  for (const Dispatch& dispatch : work) {
    pipelines.push_back(state_->pipelines.get(dispatch.kernel));
    check(dispatch, *pipelines.back(), state_->limits);
  }
  auto commands = NS::RetainPtr(state_->queue->commandBuffer());
  if (!commands) state_->give_up("Metal gave no command buffer");
  if (!encode(work, pipelines, commands.get())) state_->give_up("Metal gave no command encoder");
  commands->commit();
  const auto outcome = state_->waiter.within(state_->bound, [commands, memory = memory_of(work)]() mutable {
    const AutoreleasePool own;
    const auto done = std::move(commands);  // both are given back before the pool of this thread ends
    const auto held = std::move(memory);
    done->waitUntilCompleted();
    if (done->status() == MTL::CommandBufferStatusCompleted) return std::string();
    return describe("the GPU failed", done->error());
  });
  if (!outcome) state_->give_up("the GPU did not answer within " + std::to_string(state_->bound.count()) + " s");
  if (!outcome->empty()) state_->give_up(*outcome);
}

}  // namespace portfolio::metal
