// The fake refuses what Metal refuses, and does nothing before it is waited for.
#include <Metal/Metal.hpp>
#include <cstdlib>

#include "autorelease.hpp"
#include "check.hpp"
#include "faults.hpp"
#include "scale.h"
#include "shaders.hpp"
#include "simd_use.hpp"

namespace {

using portfolio::metal::AutoreleasePool;
using Commands = NS::SharedPtr<MTL::CommandBuffer>;

template <class F>
void misuse(F f, const std::string& part, int line) {
  std::string got = "nothing";
  try {
    f();
  } catch (const fake::Misuse& thrown) {
    got = thrown.what();
  }
  check::that(got.find(part) != std::string::npos, (part + ", got: " + got).c_str(), __FILE__, line);
}
#define MISUSE(expression, part) misuse([&] { (void)(expression); }, part, __LINE__)

struct Metal {
  NS::SharedPtr<MTL::Device> device = NS::TransferPtr(MTL::CreateSystemDefaultDevice());
  NS::SharedPtr<MTL::CommandQueue> queue = NS::TransferPtr(device->newCommandQueue(8));
  NS::SharedPtr<MTL::Buffer> buffer = NS::TransferPtr(device->newBuffer(16384, MTL::ResourceStorageModeShared));
  NS::SharedPtr<MTL::ComputePipelineState> pipeline;

  Metal() {
    const auto options = NS::TransferPtr(MTL::CompileOptions::alloc()->init());
    const auto source = NS::String::string(portfolio::metal::kShaders[0].source, NS::UTF8StringEncoding);
    NS::Error* error = nullptr;
    MISUSE(device->newLibrary(source, options.get(), &error), "without fast math");
    options->setFastMathEnabled(false);
    MISUSE(device->newLibrary(source, options.get(), &error), "Metal 3.1");
    options->setLanguageVersion(MTL::LanguageVersion3_1);
    const auto library = NS::TransferPtr(device->newLibrary(source, options.get(), &error));
    const auto name = [](const char* text) { return NS::String::string(text, NS::UTF8StringEncoding); };
    CHECK(library->newFunction(name("total")) == nullptr);  // of another file
    CHECK(library->newFunction(name("nothing")) == nullptr);
    const auto function = NS::TransferPtr(library->newFunction(name("scale")));
    pipeline = NS::TransferPtr(device->newComputePipelineState(function.get(), &error));
  }

  Commands commands() const { return NS::RetainPtr(queue->commandBuffer()); }
};

void encoding(const Metal& metal) {
  const Commands commands = metal.commands();
  MISUSE(commands->waitUntilCompleted(), "never committed");
  MTL::ComputeCommandEncoder* encoder = commands->computeCommandEncoder();
  const MTL::Size one(1, 1, 1), simd(32, 1, 1);
  MISUSE(commands->computeCommandEncoder(), "second encoder");
  MISUSE(commands->commit(), "before endEncoding");
  MISUSE(encoder->dispatchThreadgroups(one, simd), "without a pipeline");
  encoder->setComputePipelineState(metal.pipeline.get());
  MISUSE(encoder->dispatchThreadgroups(one, simd), "buffer values is not bound");
  encoder->setBuffer(metal.buffer.get(), 0, 0);
  MISUSE(encoder->dispatchThreadgroups(one, simd), "buffer params is not bound");
  const ScaleParams params{1, 2.0f, {0, 0}};
  encoder->setBytes(&params, sizeof params, 1);
  MISUSE(encoder->dispatchThreadgroups(one, MTL::Size(1056, 1, 1)), "more threads");
  MISUSE(encoder->dispatchThreadgroups(MTL::Size(0, 1, 1), simd), "empty grid");
  MISUSE(encoder->setBuffer(metal.buffer.get(), 16384, 0), "behind the end");
  MISUSE(encoder->setBuffer(metal.buffer.get(), 0, 31), "above 30");
  const std::vector<char> bytes(4097);
  MISUSE(encoder->setBytes(bytes.data(), 4097, 1), "4096");
  MISUSE(encoder->setBytes(bytes.data(), 0, 1), "4096");
  MISUSE(encoder->setThreadgroupMemoryLength(24, 0), "multiples of 16");
  encoder->dispatchThreadgroups(one, simd);
  encoder->endEncoding();
  MISUSE(encoder->setBuffer(metal.buffer.get(), 0, 0), "after endEncoding");
  MISUSE(encoder->endEncoding(), "after endEncoding");

  auto* value = static_cast<float*>(metal.buffer->contents());
  CHECK(*value != *value);  // NaN: a new buffer holds nothing
  *value = 3.0f;
  commands->commit();
  CHECK(*value == 3.0f && commands->status() == MTL::CommandBufferStatusCommitted);
  MISUSE(commands->commit(), "committed twice");
  MISUSE(commands->computeCommandEncoder(), "after its commit");
  commands->waitUntilCompleted();
  CHECK(*value == 6.0f && commands->status() == MTL::CommandBufferStatusCompleted);
  commands->waitUntilCompleted();
  CHECK(*value == 6.0f);
}

void memory(const Metal& metal) {
  constexpr auto shared = MTL::ResourceStorageModeShared;
  const std::unique_ptr<void, decltype(&std::free)> pages(std::aligned_alloc(16384, 32768), &std::free);
  char* start = static_cast<char*>(pages.get());
  MISUSE(metal.device->newBuffer(start + 4096, 16384, shared, nullptr), "starts on a page");
  MISUSE(metal.device->newBuffer(start, 16000, shared, nullptr), "whole pages");
  MISUSE(metal.device->newBuffer(0, shared), "cannot make");
  MISUSE(metal.device->newBuffer(metal.device->maxBufferLength() + 1, shared), "cannot make");

  // A kernel that writes into memory that is shared for reading: a failed command buffer, not an answer.
  const auto read_only = NS::TransferPtr(metal.device->newBuffer(start, 16384, shared, nullptr));
  const Commands commands = metal.commands();
  MTL::ComputeCommandEncoder* encoder = commands->computeCommandEncoder();
  encoder->setComputePipelineState(metal.pipeline.get());
  encoder->setBuffer(read_only.get(), 0, 0);
  const ScaleParams params{1, 2.0f, {0, 0}};
  encoder->setBytes(&params, sizeof params, 1);
  encoder->dispatchThreadgroups(MTL::Size(1, 1, 1), MTL::Size(32, 1, 1));
  encoder->endEncoding();
  commands->commit();
  commands->waitUntilCompleted();
  CHECK(commands->status() == MTL::CommandBufferStatusError);
  CHECK(std::string(commands->error()->localizedDescription()->utf8String()).find("read-only") != std::string::npos);
}

void simd_use() {
  const std::string source =
      "float inner(float x) { return simd_sum(x); }\nfloat outer(float x) { if (x > 0) { return inner(x); } return x; "
      "}\n"
      "kernel void direct(uint i [[thread_index_in_simdgroup]]) { simdgroup_float8x8 m; }\n"
      "kernel void through(device float* x) { // simd_sum\n x[0] = outer(x[0]); }\n"
      "kernel void without(device float* x, uint i [[simdgroup_index_in_threadgroup]]) { x[0] = plain(x[0]); }\n"
      "template [[host_name(\"named\")]] kernel void through(device float* x);\n";
  CHECK(fake::uses_simd(source, "direct") && fake::uses_simd(source, "through") && fake::uses_simd(source, "named"));
  CHECK(!fake::uses_simd(source, "without") && !fake::uses_simd("", "direct"));
}

}  // namespace

int main() {
  MISUSE(NS::String::string("text", NS::UTF8StringEncoding), "without a pool");
  const long leaked = fake::live_objects();  // that text: on macOS, too, it would have been lost
  CHECK(leaked == 1);
  {
    const AutoreleasePool pool;
    const Metal metal;
    encoding(metal);
    memory(metal);
    simd_use();
  }
  CHECK(fake::live_objects() == leaked);
  return check::finish();
}
