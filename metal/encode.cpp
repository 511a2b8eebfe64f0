#include "encode.hpp"

#include <string>

namespace portfolio::metal {
namespace {

constexpr std::uint32_t kSimdWidth = 32;
constexpr std::size_t kMemoryStep = 16;  // threadgroup memory comes in these
constexpr std::size_t kMaxArguments = 31;

void check_form(const Dispatch& dispatch) {
  const auto wrong = [&](const char* what) { throw std::logic_error("kernel " + dispatch.kernel + ": " + what); };
  if (dispatch.threads == 0 || dispatch.threads % kSimdWidth != 0) wrong("threads are no multiple of 32");
  if (dispatch.groups.x == 0 || dispatch.groups.y == 0 || dispatch.groups.z == 0) wrong("an empty grid");
  if (dispatch.arguments.size() > kMaxArguments) wrong("more than 31 arguments");
  for (const Argument& argument : dispatch.arguments) {
    if (!argument.memory && argument.bytes.empty()) wrong("an argument without memory");
  }
  for (const std::size_t bytes : dispatch.threadgroup_bytes) {
    if (bytes == 0 || bytes % kMemoryStep != 0) wrong("threadgroup bytes are no multiple of 16");
  }
}

}  // namespace

void check(const Dispatch& dispatch, const MTL::ComputePipelineState& pipeline, const Limits& limits) {
  check_form(dispatch);
  const auto fail = [&](const std::string& what, std::size_t limit, std::size_t wanted) {
    throw Failure("the GPU gives kernel " + dispatch.kernel + " " + std::to_string(limit) + " " + what + ", not " +
                  std::to_string(wanted));
  };
  const std::size_t threads = pipeline.maxTotalThreadsPerThreadgroup();
  if (dispatch.threads > threads) fail("threads a threadgroup", threads, dispatch.threads);
  std::size_t bytes = pipeline.staticThreadgroupMemoryLength();
  for (const std::size_t each : dispatch.threadgroup_bytes) bytes += each;
  if (bytes > limits.threadgroup_memory) fail("bytes of threadgroup memory", limits.threadgroup_memory, bytes);
}

bool encode(const std::vector<Dispatch>& work, const std::vector<MTL::ComputePipelineState*>& pipelines,
            MTL::CommandBuffer* commands) {
  MTL::ComputeCommandEncoder* encoder = commands->computeCommandEncoder();  // in order: each sees the one before
  if (encoder == nullptr) return false;
  for (std::size_t k = 0; k < work.size(); ++k) {
    const Dispatch& dispatch = work[k];
    encoder->setComputePipelineState(pipelines[k]);
    for (std::size_t i = 0; i < dispatch.arguments.size(); ++i) {
      const Argument& argument = dispatch.arguments[i];
      if (argument.memory) {
        encoder->setBuffer(argument.memory.get(), argument.offset, i);
      } else {
        encoder->setBytes(argument.bytes.data(), argument.bytes.size(), i);
      }
    }
    for (std::size_t i = 0; i < dispatch.threadgroup_bytes.size(); ++i) {
      encoder->setThreadgroupMemoryLength(dispatch.threadgroup_bytes[i], i);
    }
    encoder->dispatchThreadgroups(MTL::Size(dispatch.groups.x, dispatch.groups.y, dispatch.groups.z),
                                  MTL::Size(dispatch.threads, 1, 1));
  }
  encoder->endEncoding();
  return true;
}

std::vector<std::shared_ptr<MTL::Buffer>> memory_of(const std::vector<Dispatch>& work) {
  std::vector<std::shared_ptr<MTL::Buffer>> memory;
  for (const Dispatch& dispatch : work) {
    for (const Argument& argument : dispatch.arguments) {
      if (argument.memory) memory.push_back(argument.memory);
    }
  }
  return memory;
}

}  // namespace portfolio::metal
