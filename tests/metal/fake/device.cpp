// Device, buffers and compiled kernels.
#include <Metal/Metal.hpp>
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "faults.hpp"
#include "simd_use.hpp"

namespace MTL {
namespace {

constexpr UInteger kPage = 16384;

NS::Error* explain(const std::string& text, NS::Error** error) {
  if (error == nullptr) throw fake::Misuse("an error that nobody looks at: " + text);
  return *error = (new NS::Error(text))->autorelease();
}

}  // namespace

Buffer::Buffer(UInteger length) : contents_(std::aligned_alloc(kPage, length)), length_(length), own_(true) {
  if (contents_ == nullptr) throw std::bad_alloc();
  std::memset(contents_, 0xFF, length);  // NaN: who reads before writing is found out
}

Buffer::Buffer(const void* callers_pages, UInteger length)
    : contents_(const_cast<void*>(callers_pages)), length_(length), own_(false) {}

Buffer::~Buffer() {
  if (own_) std::free(contents_);
}

Function* Library::newFunction(const NS::String* name) {
  const auto found = emulator::kernels().find(name->utf8String());
  if (found == emulator::kernels().end()) return nullptr;
  if (!source_.empty() && source_.find(found->first) == std::string::npos) return nullptr;
  return new Function(found->second, fake::uses_simd(source_, found->first));
}

ComputePipelineState::ComputePipelineState(const emulator::Kernel& of)
    : kernel(of), threads_(fake::faults().pipeline_threads) {
  if (kernel.max_threads != 0) threads_ = std::min<UInteger>(threads_, kernel.max_threads);
}

NS::String* Device::name() const { return NS::String::string("Metal (CPU emulation)", NS::UTF8StringEncoding); }

bool Device::supportsFamily(GPUFamily family) const {
  return family <= (fake::faults().old_family ? GPUFamilyApple5 : GPUFamilyApple7);
}

CommandQueue* Device::newCommandQueue(UInteger most_commands) {
  if (most_commands == 0) throw fake::Misuse("a queue for no command buffers");
  return fake::faults().no_queue ? nullptr : new CommandQueue;
}

Library* Device::newLibrary(const NS::String* source, const CompileOptions* options, NS::Error** error) {
  if (options->fastMathEnabled()) throw fake::Misuse("kernels are compiled without fast math");
  if (options->languageVersion() != LanguageVersion3_1) throw fake::Misuse("kernels are written in Metal 3.1");
  const std::string text = source->utf8String();
  if (fake::faults().does_not_compile || text.find("#include \"") != std::string::npos) {
    explain("program_source:1:1: error: file not found", error);
    return nullptr;
  }
  return new Library(text);
}

Library* Device::newLibrary(dispatch_data_t prebuilt, NS::Error** error) {
  if (prebuilt->bytes.rfind("MTLB", 0) == 0) return new Library("");
  explain("Invalid library file", error);
  return nullptr;
}

ComputePipelineState* Device::newComputePipelineState(const Function* function, NS::Error** error) {
  if (function->uses_simd && !supportsFamily(GPUFamilyApple7)) {
    explain("Target does not support simdgroup operations", error);
    return nullptr;
  }
  return new ComputePipelineState(function->kernel);
}

Buffer* Device::newBuffer(UInteger length, ResourceOptions) {
  if (length == 0 || length > maxBufferLength()) throw fake::Misuse("a buffer of a length that Metal cannot make");
  return fake::faults().no_buffer ? nullptr : new Buffer(length);
}

Buffer* Device::newBuffer(const void* pages, UInteger length, ResourceOptions, std::nullptr_t) {
  if (reinterpret_cast<std::uintptr_t>(pages) % kPage != 0 || length % kPage != 0 || length == 0) {
    throw fake::Misuse("memory that is not copied starts on a page and fills whole pages");
  }
  return fake::faults().no_buffer ? nullptr : new Buffer(pages, length);
}

Device* CreateSystemDefaultDevice() { return fake::faults().no_device ? nullptr : new Device; }

}  // namespace MTL
