// Runs Metal kernels on the CPU, one fiber per GPU thread, and reports what a GPU would hide: the host's side of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

namespace emulator {
struct LinkedKernel;

// A kernel broke a rule of Metal or of this project; the message names kernel, file, line and thread.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Extent {
  std::uint32_t x = 1, y = 1, z = 1;
  std::size_t count() const { return std::size_t{x} * y * z; }
};

// What is bound to one [[buffer(n)]].
struct Argument {
  void* data = nullptr;
  std::size_t bytes = 0;
  bool writable = false;
  std::shared_ptr<void> owned = {};  // the copy that value() made
};

Argument buffer(void* data, std::size_t bytes);
Argument buffer(const void* data, std::size_t bytes);  // a kernel that may write it is refused
Argument value(const void* data, std::size_t bytes);   // copied now, as setBytes does; a `constant` argument

template <class T>
Argument buffer(std::vector<T>& values) {
  return buffer(static_cast<void*>(values.data()), values.size() * sizeof(T));
}
template <class T>
Argument buffer(const std::vector<T>& values) {
  return buffer(static_cast<const void*>(values.data()), values.size() * sizeof(T));
}
template <class T>
Argument value(const T& params) {
  static_assert(std::is_trivially_copyable_v<T> && !std::is_pointer_v<T>);
  return value(&params, sizeof(T));
}

struct Launch {
  std::vector<Argument> arguments = {};             // by [[buffer(n)]]
  Extent groups = {};                               // threadgroups in the grid
  Extent threads = {};                              // threads in a threadgroup
  std::vector<std::size_t> threadgroup_bytes = {};  // by [[threadgroup(n)]], multiples of 16
};

// Which memory ThreadSanitizer watches, and so which flag a barrier needs to count as one: a single run cannot tell
// a barrier with the wrong flag from one with the right one.
enum class Fences { any, device, threadgroup };

// Process-wide; read at the start of each dispatch.
struct Options {
  std::uint64_t seed = 0;  // 0: threads run in order; else order, simd sums and threadgroups are shuffled
  int ulp_noise = 0;       // exp, log, sin, cos and rsqrt are off by up to this many units in the last place
  bool flush_denormals = true;
  Fences fences = Fences::any;
  std::size_t max_threads = 1024;
  std::size_t max_threadgroup_bytes = 32768;
};
Options options();  // at first from EMULATOR_SEED, _ULP_NOISE and _FENCES in the environment
void set_options(const Options& options);

enum class Binding { buffer, threadgroup, builtin };

struct Parameter {
  Binding binding;
  int index;         // of the buffer or threadgroup memory; -1 for a builtin
  std::string name;  // the parameter's, or the builtin's attribute
  std::string type;  // of an element: "float", "CovarianceParams", "uint3"
  std::size_t element_bytes;
  bool writable, reference;
};

struct Kernel {
  std::string name, file;
  int line = 0;
  std::vector<Parameter> parameters;
  std::vector<std::size_t> threadgroup_arrays;  // bytes of those declared in the kernel's body
  std::size_t static_threadgroup_bytes = 0;     // their sum
  std::size_t max_threads = 0;                  // [[max_total_threads_per_threadgroup(n)]]; 0: not given
  const LinkedKernel* linked = nullptr;
};

const std::map<std::string, Kernel>& kernels();      // every kernel linked into this program
const Kernel& find_kernel(const std::string& name);  // throws Error

// Checks the launch against the kernel's signature, then runs every threadgroup to its end. Throws Error.
void dispatch(const std::string& kernel, const Launch& launch);
}  // namespace emulator
