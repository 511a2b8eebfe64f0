// Kernels compiled at first use and kept. What does not compile fails once for good: a second try would cost the same.
#pragma once

#include <Metal/Metal.hpp>
#include <map>
#include <mutex>
#include <string>

#include "shaders.hpp"

namespace portfolio::metal {

class Pipelines {
 public:
  explicit Pipelines(NS::SharedPtr<MTL::Device> device) : device_(std::move(device)) {}
  // Throws Failure with the compiler's message. The pipeline lives as long as this object.
  MTL::ComputePipelineState* get(const std::string& kernel);

 private:
  template <class T>
  struct Made {
    NS::SharedPtr<T> object;
    std::string trouble;  // why there is none
  };
  Made<MTL::ComputePipelineState> make(const std::string& kernel);
  const Made<MTL::Library>& library_of(const Shader& shader);
  const Made<MTL::Library>& prebuilt();

  NS::SharedPtr<MTL::Device> device_;
  std::mutex guard_;
  std::map<std::string, Made<MTL::ComputePipelineState>> pipelines_;  // by kernel
  std::map<std::string, Made<MTL::Library>> libraries_;               // by file; "" is the prebuilt one
};

// "what: Metal's words".
std::string describe(const std::string& what, const NS::Error* error);

}  // namespace portfolio::metal
