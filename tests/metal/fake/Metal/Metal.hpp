// What the host files use of metal-cpp's Metal, on any machine: the emulator is the GPU. It refuses what Metal refuses
// with its API validation on, and works only inside waitUntilCompleted, so that who reads too early reads old data.
#pragma once

#include <dispatch/dispatch.h>

#include <Foundation/Foundation.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "emulator.hpp"

namespace MTL {

using NS::UInteger;

struct Size {
  Size(UInteger w, UInteger h, UInteger d) : width(w), height(h), depth(d) {}
  UInteger width, height, depth;
};

enum ResourceOptions : UInteger { ResourceStorageModeShared = 0 };
enum LanguageVersion : UInteger { LanguageVersion3_0 = 196608, LanguageVersion3_1 = 196609 };
enum GPUFamily : NS::Integer { GPUFamilyApple5 = 1005, GPUFamilyApple7 = 1007 };
enum CommandBufferStatus : UInteger {
  CommandBufferStatusNotEnqueued = 0,
  CommandBufferStatusCommitted = 2,
  CommandBufferStatusCompleted = 4,
  CommandBufferStatusError = 5
};

class Buffer : public NS::Referencing<Buffer> {
 public:
  explicit Buffer(UInteger length);                    // contents undefined
  Buffer(const void* callers_pages, UInteger length);  // not copied
  ~Buffer() override;
  void* contents() const { return contents_; }
  UInteger length() const { return length_; }
  bool own() const { return own_; }

 private:
  void* contents_;
  UInteger length_;
  bool own_;
};

class CompileOptions : public NS::Referencing<CompileOptions> {
 public:
  static CompileOptions* alloc() { return new CompileOptions; }
  CompileOptions* init() { return this; }
  void setLanguageVersion(LanguageVersion version) { version_ = version; }
  void setFastMathEnabled(bool fast) { fast_math_ = fast; }
  LanguageVersion languageVersion() const { return version_; }
  bool fastMathEnabled() const { return fast_math_; }

 private:
  LanguageVersion version_ = LanguageVersion3_0;
  bool fast_math_ = true;
};

class Function : public NS::Referencing<Function> {
 public:
  Function(const emulator::Kernel& of, bool simd) : kernel(of), uses_simd(simd) {}
  const emulator::Kernel& kernel;
  const bool uses_simd;
};

class Library : public NS::Referencing<Library> {
 public:
  explicit Library(std::string source) : source_(std::move(source)) {}  // empty: prebuilt
  Function* newFunction(const NS::String* name);

 private:
  std::string source_;
};

class ComputePipelineState : public NS::Referencing<ComputePipelineState> {
 public:
  explicit ComputePipelineState(const emulator::Kernel& of);
  UInteger maxTotalThreadsPerThreadgroup() const { return threads_; }
  UInteger threadExecutionWidth() const { return 32; }
  UInteger staticThreadgroupMemoryLength() const { return kernel.static_threadgroup_bytes; }
  const emulator::Kernel& kernel;

 private:
  UInteger threads_;
};

class CommandBuffer;

class ComputeCommandEncoder : public NS::Referencing<ComputeCommandEncoder> {
 public:
  explicit ComputeCommandEncoder(CommandBuffer& commands) : commands_(commands) {}
  void setComputePipelineState(const ComputePipelineState* pipeline);
  void setBuffer(const Buffer* buffer, UInteger offset, UInteger index);
  void setBytes(const void* bytes, UInteger length, UInteger index);
  void setThreadgroupMemoryLength(UInteger length, UInteger index);
  void dispatchThreadgroups(Size groups, Size threads);
  void endEncoding();
  bool ended() const { return ended_; }

 private:
  void open() const;
  void bind(emulator::Argument argument, UInteger index);
  CommandBuffer& commands_;
  NS::SharedPtr<ComputePipelineState> pipeline_;
  emulator::Launch launch_;
  bool ended_ = false;
};

class CommandBuffer : public NS::Referencing<CommandBuffer> {
 public:
  ~CommandBuffer() override;
  ComputeCommandEncoder* computeCommandEncoder();
  void commit();
  void waitUntilCompleted();
  CommandBufferStatus status() const { return status_; }
  NS::Error* error() const { return error_.get(); }

 private:
  friend class ComputeCommandEncoder;
  struct Work {
    NS::SharedPtr<ComputePipelineState> pipeline;
    emulator::Launch launch;
  };
  void finish();
  void fail(const std::string& why);
  std::vector<Work> work_;
  std::vector<NS::SharedPtr<Buffer>> buffers_;  // held until it has completed
  NS::SharedPtr<ComputeCommandEncoder> encoder_;
  NS::SharedPtr<NS::Error> error_;
  CommandBufferStatus status_ = CommandBufferStatusNotEnqueued;
  long let_go_count_ = 0;
};

class CommandQueue : public NS::Referencing<CommandQueue> {
 public:
  CommandBuffer* commandBuffer();
};

class Device : public NS::Referencing<Device> {
 public:
  NS::String* name() const;
  bool supportsFamily(GPUFamily family) const;
  Size maxThreadsPerThreadgroup() const { return {1024, 1024, 1024}; }
  UInteger maxThreadgroupMemoryLength() const { return emulator::options().max_threadgroup_bytes; }
  UInteger maxBufferLength() const { return UInteger{1} << 30; }
  CommandQueue* newCommandQueue(UInteger most_commands);
  Library* newLibrary(const NS::String* source, const CompileOptions* options, NS::Error** error);
  Library* newLibrary(dispatch_data_t prebuilt, NS::Error** error);
  ComputePipelineState* newComputePipelineState(const Function* function, NS::Error** error);
  Buffer* newBuffer(UInteger length, ResourceOptions options);
  Buffer* newBuffer(const void* pages, UInteger length, ResourceOptions options, std::nullptr_t deallocator);
};

Device* CreateSystemDefaultDevice();

}  // namespace MTL
