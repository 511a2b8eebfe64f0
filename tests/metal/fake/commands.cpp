// Commands are checked when they are encoded and run when they are waited for.
#include <Metal/Metal.hpp>

#include "faults.hpp"
#include "waiting.hpp"

namespace MTL {
namespace {

constexpr UInteger kLastIndex = 30;
constexpr UInteger kMostBytes = 4096;

template <class T>
void place(std::vector<T>& list, UInteger index, T value) {
  if (index > kLastIndex) throw fake::Misuse("an index above 30");
  if (list.size() <= index) list.resize(index + 1);
  list[index] = std::move(value);
}

emulator::Extent extent(Size size) {
  return {static_cast<std::uint32_t>(size.width), static_cast<std::uint32_t>(size.height),
          static_cast<std::uint32_t>(size.depth)};
}

}  // namespace

void ComputeCommandEncoder::open() const {
  if (ended_) throw fake::Misuse("an encoder was used after endEncoding");
}

void ComputeCommandEncoder::setComputePipelineState(const ComputePipelineState* pipeline) {
  open();
  pipeline_ = NS::RetainPtr(const_cast<ComputePipelineState*>(pipeline));
}

void ComputeCommandEncoder::setBuffer(const Buffer* buffer, UInteger offset, UInteger index) {
  open();
  if (offset >= buffer->length()) throw fake::Misuse("an offset behind the end of its buffer");
  commands_.buffers_.push_back(NS::RetainPtr(const_cast<Buffer*>(buffer)));
  char* data = static_cast<char*>(buffer->contents()) + offset;
  const UInteger bytes = buffer->length() - offset;
  // The caller's own pages are shared for reading only.
  place(launch_.arguments, index,
        buffer->own() ? emulator::buffer(static_cast<void*>(data), bytes)
                      : emulator::buffer(static_cast<const void*>(data), bytes));
}

void ComputeCommandEncoder::setBytes(const void* bytes, UInteger length, UInteger index) {
  open();
  if (length == 0 || length > kMostBytes) throw fake::Misuse("setBytes takes 1 to 4096 bytes");
  place(launch_.arguments, index, emulator::value(bytes, length));
}

void ComputeCommandEncoder::setThreadgroupMemoryLength(UInteger length, UInteger index) {
  open();
  if (length == 0 || length % 16 != 0) throw fake::Misuse("threadgroup memory comes in multiples of 16 bytes");
  place(launch_.threadgroup_bytes, index, std::size_t{length});
}

void ComputeCommandEncoder::dispatchThreadgroups(Size groups, Size threads) {
  open();
  if (!pipeline_) throw fake::Misuse("a dispatch without a pipeline");
  launch_.groups = extent(groups);
  launch_.threads = extent(threads);
  if (launch_.groups.count() == 0 || launch_.threads.count() == 0) throw fake::Misuse("an empty grid");
  if (launch_.threads.count() > pipeline_->maxTotalThreadsPerThreadgroup()) {
    throw fake::Misuse("more threads in a threadgroup than the pipeline allows");
  }
  std::size_t lengths = 0,
              buffers = 0;  // bindings of the dispatch before stay, as on the GPU: only what is named counts
  for (const emulator::Parameter& parameter : pipeline_->kernel.parameters) {
    const auto index = static_cast<std::size_t>(parameter.index);
    if (parameter.binding == emulator::Binding::buffer) {
      if (index >= launch_.arguments.size() || launch_.arguments[index].data == nullptr) {
        throw fake::Misuse("kernel " + pipeline_->kernel.name + ": buffer " + parameter.name + " is not bound");
      }
      buffers = std::max(buffers, index + 1);
    } else if (parameter.binding == emulator::Binding::threadgroup) {
      lengths = std::max(lengths, index + 1);
    }
  }
  emulator::Launch launch = launch_;
  launch.arguments.resize(buffers);
  launch.threadgroup_bytes.resize(lengths);
  commands_.work_.push_back({pipeline_, std::move(launch)});
}

void ComputeCommandEncoder::endEncoding() {
  open();
  ended_ = true;
}

CommandBuffer::~CommandBuffer() = default;

ComputeCommandEncoder* CommandBuffer::computeCommandEncoder() {
  if (status_ != CommandBufferStatusNotEnqueued) throw fake::Misuse("commands for a command buffer after its commit");
  if (encoder_ && !encoder_->ended()) throw fake::Misuse("a second encoder before the first has ended");
  if (fake::faults().no_encoder) return nullptr;
  encoder_ = NS::TransferPtr(new ComputeCommandEncoder(*this));
  return encoder_->retain()->autorelease();
}

void CommandBuffer::commit() {
  if (status_ != CommandBufferStatusNotEnqueued) throw fake::Misuse("a command buffer was committed twice");
  if (encoder_ && !encoder_->ended()) throw fake::Misuse("a commit before endEncoding");
  status_ = CommandBufferStatusCommitted;
  let_go_count_ = fake::let_go_count();
}

void CommandBuffer::waitUntilCompleted() {
  if (status_ == CommandBufferStatusNotEnqueued) throw fake::Misuse("waiting for what was never committed");
  if (status_ != CommandBufferStatusCommitted) return;
  const fake::Answer answer = fake::faults().answer;
  if (answer == fake::Answer::late || answer == fake::Answer::never) fake::wait_for_let_go(let_go_count_);
  if (answer == fake::Answer::error) {
    fail("Caused GPU Hang Error (IOAF code 3)");
  } else if (answer == fake::Answer::never) {
    fail("Caused GPU Timeout Error (IOAF code 2)");
  } else {
    finish();
  }
  buffers_.clear();
}

void CommandBuffer::finish() {
  try {
    for (const Work& work : work_) emulator::dispatch(work.pipeline->kernel.name, work.launch);
    status_ = CommandBufferStatusCompleted;
  } catch (const emulator::Error& error) {
    fail(error.what());
  }
}

void CommandBuffer::fail(const std::string& why) {
  error_ = NS::TransferPtr(new NS::Error(why));
  status_ = CommandBufferStatusError;
}

CommandBuffer* CommandQueue::commandBuffer() {
  return fake::faults().no_command_buffer ? nullptr : (new CommandBuffer)->autorelease();
}

}  // namespace MTL
