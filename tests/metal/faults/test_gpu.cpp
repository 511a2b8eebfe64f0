// The host files where nothing goes wrong.
#include <atomic>
#include <cstdlib>
#include <thread>

#include "check.hpp"
#include "faults.hpp"
#include "work.hpp"

using portfolio::metal::Dispatch;
using portfolio::metal::Failure;
using namespace work;

namespace {

template <class F>
std::string failure(F f) {
  try {
    f();
  } catch (const Failure& thrown) {
    return thrown.what();
  }
  return "";
}

template <class F>
bool refused(F f) {
  try {
    f();
  } catch (const Failure&) {
    return false;
  } catch (const std::logic_error&) {
    return true;
  }
  return false;
}

void device() {
  const auto& limits = Gpu::get()->limits();
  CHECK(limits.name == "Metal (CPU emulation)");
  CHECK(!limits.hardware && limits.simdgroup_matrix);
  CHECK(limits.threads_per_threadgroup == 1024 && limits.threadgroup_memory == 32768 && limits.buffer_length > 0);
  CHECK(Gpu::get()->threads_limit("scale") == 1024);
  CHECK(Gpu::get() == Gpu::get() && Gpu::get()->trouble().empty());
}

void work_in_order() {
  const std::vector<float> values = numbers(1001);
  const Result result = doubled(values);
  CHECK(right(result, values) && result.device.name == "metal" && result.device.reason.empty());
  Gpu& gpu = *Gpu::get();
  const Buffer buffer = gpu.allocate(values.size() * sizeof(float));
  std::copy(values.begin(), values.end(), buffer.data<float>());
  gpu.run({scale(buffer, values.size(), 2.0f), scale(buffer, values.size(), 3.0f), scale(buffer, 1, 0.5f)});
  CHECK(buffer.data<float>()[0] == 3.0f && buffer.data<float>()[1000] == 6006.0f);
  gpu.run({});
  Dispatch second_half = scale(buffer, 500, 0.0f);
  second_half.arguments[0] = Argument::buffer(buffer, 500 * sizeof(float));
  gpu.run({second_half});
  CHECK(buffer.data<float>()[499] == 3000.0f && buffer.data<float>()[500] == 0.0f);
}

void memory_of_the_caller() {
  Gpu& gpu = *Gpu::get();
  constexpr std::size_t page = 16384;
  const std::unique_ptr<void, decltype(&std::free)> pages(std::aligned_alloc(page, 2 * page), &std::free);
  auto* values = static_cast<float*>(pages.get());
  for (std::size_t i = 0; i < 32; ++i) values[i] = static_cast<float>(i);
  const Buffer shared = gpu.share(values, 2 * page);
  CHECK(shared.data<float>() == values && shared.bytes() == 2 * page);
  const Buffer copied = gpu.share(values + 1, page);
  CHECK(copied.data<float>() != values + 1 && copied.data<float>()[0] == 1.0f && copied.bytes() == page);
  CHECK(gpu.share(values, page + 4).data<float>() != values);
  CHECK(gpu.share(values, 0).bytes() == 0);
  const Buffer result = gpu.allocate(sizeof(float));
  gpu.run({{"total", {Argument::buffer(shared), Argument::buffer(result)}, {}, 32, {}}});
  CHECK(*result.data<float>() == 496.0f);
}

void buffers_are_used_again() {
  Gpu& gpu = *Gpu::get();
  const void* first = gpu.allocate(100000).data<void>();
  const long made = fake::made_objects();
  for (int i = 0; i < 100; ++i) CHECK(gpu.allocate(90000).data<void>() == first);
  CHECK(fake::made_objects() - made <= 100);  // the autorelease pools of the calls, and no buffer
  const Buffer one = gpu.allocate(1), two = gpu.allocate(1);
  CHECK(one.data<void>() != two.data<void>());
}

void limits() {
  Gpu& gpu = *Gpu::get();
  const Buffer buffer = gpu.allocate(4096);
  Dispatch dispatch = scale(buffer, 10, 1.0f);
  dispatch.threads = 2048;
  CHECK(failure([&] { gpu.run({dispatch}); }) == "the GPU gives kernel scale 1024 threads a threadgroup, not 2048");
  dispatch = scale(buffer, 10, 1.0f);
  dispatch.threadgroup_bytes = {32768, 16};
  CHECK(failure([&] { gpu.run({dispatch}); }).find("32768 bytes of threadgroup memory, not 32784") !=
        std::string::npos);
  const std::size_t most = gpu.limits().buffer_length;
  CHECK(failure([&] { gpu.allocate(most + 1); }).find("hold at most") != std::string::npos);
  CHECK(failure([&] { gpu.threads_limit("scales"); }) == "no Metal file defines kernel scales");
  CHECK(gpu.trouble().empty());
  dispatch = scale(buffer, 10, 1.0f);
  dispatch.threads = 33;
  CHECK(refused([&] { gpu.run({dispatch}); }));
  dispatch = scale(Buffer(), 10, 1.0f);
  CHECK(refused([&] { gpu.run({dispatch}); }));
  dispatch = scale(buffer, 10, 1.0f);
  dispatch.groups.y = 0;
  CHECK(refused([&] { gpu.run({dispatch}); }));
}

void many_threads() {
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      const std::vector<float> values = numbers(100 * t + 1);
      for (int i = 0; i < 25; ++i) {
        const Result result = doubled(values);
        wrong += !right(result, values) || result.device.name != "metal";
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
}

}  // namespace

int main() {
  device();
  work_in_order();
  memory_of_the_caller();
  buffers_are_used_again();
  limits();
  many_threads();
  CHECK(portfolio::metal::fallbacks().count == 0);
  Gpu::close();
  CHECK(fake::live_objects() == 0);
  return check::finish();
}
