// The process's GPU: device, queue, compiled kernels and buffers. No Metal header in here, so kernels' host files stay
// light.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

namespace MTL {
class Buffer;
}

namespace portfolio::metal {

// Why the GPU did not deliver; attempt() turns it into work on the CPU and a reason.
struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Limits {
  std::string name;
  bool hardware = false;          // false for the emulation that tests use: never chosen by "auto"
  bool simdgroup_matrix = false;  // family Apple7 (M1) or newer; simd_sum and its kind need the same
  std::size_t threads_per_threadgroup = 0;
  std::size_t threadgroup_memory = 0;  // bytes
  std::size_t buffer_length = 0;       // bytes
};

// Memory that CPU and GPU share: pooled, or the caller's own pages. Its contents are undefined until written.
class Buffer {
 public:
  Buffer() = default;
  template <class T>
  T* data() const {
    return static_cast<T*>(contents_);
  }
  std::size_t bytes() const { return bytes_; }

 private:
  friend class Gpu;
  friend struct Argument;
  std::shared_ptr<MTL::Buffer> memory_;  // the last owner, caller or command buffer, gives it back to the pool
  void* contents_ = nullptr;
  std::size_t bytes_ = 0;
};

// What a kernel's [[buffer(i)]] is bound to, in order of i: memory, or a small struct by value.
struct Argument {
  static Argument buffer(const Buffer& buffer, std::size_t offset = 0) { return {buffer.memory_, offset, {}}; }
  template <class T>
  static Argument value(const T& params) {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 4096, "Metal takes at most 4 KiB by value");
    std::vector<std::byte> bytes(sizeof(T));
    std::memcpy(bytes.data(), &params, sizeof(T));
    return {nullptr, 0, std::move(bytes)};
  }

  std::shared_ptr<MTL::Buffer> memory;
  std::size_t offset = 0;  // bytes
  std::vector<std::byte> bytes;
};

struct Groups {
  std::uint32_t x = 1, y = 1, z = 1;
};

struct Dispatch {
  std::string kernel;
  std::vector<Argument> arguments;
  Groups groups;                                    // threadgroups in the grid
  std::uint32_t threads = 0;                        // in each threadgroup, a multiple of 32
  std::vector<std::size_t> threadgroup_bytes = {};  // one for each [[threadgroup(i)]], multiples of 16
};

// Any thread may call any method.
class Gpu {
 public:
  static Gpu* get();             // null when there is none
  static std::string absence();  // why there is none
  static void close();           // gives all of it back; no call may be in flight, and get() opens it again
  ~Gpu();

  const Limits& limits() const;
  std::string trouble() const;  // the error after which it is not used any more; empty while it is healthy
  Buffer allocate(std::size_t bytes);
  // Read-only use of the caller's memory, which must outlive run(): not copied when it starts on a page and fills
  // whole pages of 16384 bytes.
  Buffer share(const void* data, std::size_t bytes);
  std::size_t threads_limit(const std::string& kernel);  // of its pipeline
  // One command buffer, in order, waited for with a bound. Split long work into calls below 100 ms each.
  void run(const std::vector<Dispatch>& work);

  // allocate, share, threads_limit and run throw Failure.
 private:
  struct State;
  explicit Gpu(std::unique_ptr<State> state);
  static std::unique_ptr<Gpu> open();  // throws Failure
  std::unique_ptr<State> state_;
};

}  // namespace portfolio::metal
