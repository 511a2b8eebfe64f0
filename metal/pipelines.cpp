#include "pipelines.hpp"

#include <string_view>

#include "gpu.hpp"

namespace portfolio::metal {
namespace {

constexpr NS::UInteger kSimdWidth = 32;  // every kernel is written for it

NS::String* text(const std::string& words) { return NS::String::string(words.c_str(), NS::UTF8StringEncoding); }

// The file that defines a kernel; null when none does.
const Shader* shader_of(const std::string& kernel) {
  const std::string definition = "kernel void " + kernel + "(";
  const std::string instance = "host_name(\"" + kernel + "\")";  // of a template
  for (const Shader* shader = kShaders; shader->file != nullptr; ++shader) {
    const std::string_view source = shader->source;
    if (source.find(definition) != source.npos || source.find(instance) != source.npos) return shader;
  }
  return nullptr;
}

}  // namespace

std::string describe(const std::string& what, const NS::Error* error) {
  if (error == nullptr || error->localizedDescription() == nullptr) return what;
  return what + ": " + error->localizedDescription()->utf8String();
}

MTL::ComputePipelineState* Pipelines::get(const std::string& kernel) {
  const std::lock_guard<std::mutex> lock(guard_);
  auto found = pipelines_.find(kernel);
  if (found == pipelines_.end()) found = pipelines_.emplace(kernel, make(kernel)).first;
  if (!found->second.object) throw Failure(found->second.trouble);
  return found->second.object.get();
}

Pipelines::Made<MTL::ComputePipelineState> Pipelines::make(const std::string& kernel) {
  const Shader* shader = shader_of(kernel);
  if (shader == nullptr) return {{}, "no Metal file defines kernel " + kernel};
  const Made<MTL::Library>& library = library_of(*shader);
  if (!library.object) return {{}, library.trouble};
  const auto function = NS::TransferPtr(library.object->newFunction(text(kernel)));
  if (!function) return {{}, "Metal has no kernel " + kernel};
  NS::Error* error = nullptr;
  auto pipeline = NS::TransferPtr(device_->newComputePipelineState(function.get(), &error));
  if (!pipeline) return {{}, describe("Metal made no pipeline of kernel " + kernel, error)};
  if (pipeline->threadExecutionWidth() != kSimdWidth) return {{}, "this GPU's simdgroups do not have 32 threads"};
  return {pipeline, {}};
}

const Pipelines::Made<MTL::Library>& Pipelines::library_of(const Shader& shader) {
  if (kPrebuiltLibraryBytes != 0 && prebuilt().object) return prebuilt();
  const auto found = libraries_.find(shader.file);
  if (found != libraries_.end()) return found->second;
  const auto options = NS::TransferPtr(MTL::CompileOptions::alloc()->init());
  options->setLanguageVersion(MTL::LanguageVersion3_1);
  options->setFastMathEnabled(false);
  NS::Error* error = nullptr;
  Made<MTL::Library> made;
  made.object = NS::TransferPtr(device_->newLibrary(text(shader.source), options.get(), &error));
  if (!made.object) made.trouble = describe(std::string("Metal did not compile ") + shader.file, error);
  return libraries_.emplace(shader.file, std::move(made)).first->second;
}

const Pipelines::Made<MTL::Library>& Pipelines::prebuilt() {
  const auto found = libraries_.find("");
  if (found != libraries_.end()) return found->second;
  NS::Error* error = nullptr;
  const dispatch_data_t bytes =
      dispatch_data_create(kPrebuiltLibrary, kPrebuiltLibraryBytes, nullptr, DISPATCH_DATA_DESTRUCTOR_DEFAULT);
  Made<MTL::Library> made;
  made.object = NS::TransferPtr(device_->newLibrary(bytes, &error));
  dispatch_release(bytes);
  if (!made.object) made.trouble = describe("Metal did not load the prebuilt kernels", error);
  return libraries_.emplace("", std::move(made)).first->second;
}

}  // namespace portfolio::metal
