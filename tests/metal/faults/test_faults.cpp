// Whatever goes wrong on the GPU: the right answer from the CPU, the reason, nothing lost, and no slower a thousand
// times on.
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <thread>

#include "check.hpp"
#include "faults.hpp"
#include "work.hpp"

using namespace work;
using Clock = std::chrono::steady_clock;

namespace {

const std::vector<float> kValues = numbers(100);

double seconds(Clock::time_point since) { return std::chrono::duration<double>(Clock::now() - since).count(); }

bool eventually(const std::function<bool()>& holds) {
  for (const auto start = Clock::now(); seconds(start) < 20.0;) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return holds();
}

void reopen(const fake::Faults& faults) {
  Gpu::close();
  fake::set_faults(faults);
}

struct Case {
  const char* name;
  fake::Faults faults;
  const char* reason;  // how it begins
  bool broken;         // the GPU is not used again
};

std::vector<Case> cases() {
  std::vector<Case> all = {
      {"no device", {}, "this machine has no Metal device", false},
      {"no queue", {}, "Metal gave no command queue", false},
      {"no buffer", {}, "the GPU has no buffer of 400 bytes left", false},
      {"small pipeline", {}, "the GPU gives kernel scale 64 threads a threadgroup, not 128", false},
      {"does not compile", {}, "Metal did not compile scale.metal: program_source:1:1: error", false},
      {"no command buffer", {}, "Metal gave no command buffer", true},
      {"no encoder", {}, "Metal gave no command encoder", true},
      {"error", {}, "the GPU failed: Caused GPU Hang Error", true},
  };
  all[0].faults.no_device = true;
  all[1].faults.no_queue = true;
  all[2].faults.no_buffer = true;
  all[3].faults.pipeline_threads = 64;
  all[4].faults.does_not_compile = true;
  all[5].faults.no_command_buffer = true;
  all[6].faults.no_encoder = true;
  all[7].faults.answer = fake::Answer::error;
  return all;
}

bool from_the_cpu(const Result& result, const std::string& reason) {
  const bool told = result.device.name == "cpu" && result.device.reason.rfind(reason, 0) == 0;
  if (!told) std::printf("got %s: %s\n", result.device.name.c_str(), result.device.reason.c_str());
  return told && right(result, kValues);
}

void once_and_a_thousand_times(const Case& fault) {
  std::printf("%s\n", fault.name);
  reopen(fault.faults);
  const auto before = portfolio::metal::fallbacks().count;
  CHECK(from_the_cpu(doubled(kValues), fault.reason));
  const long live = fake::live_objects();
  double halves[2] = {0.0, 0.0};
  for (double& half : halves) {
    const auto start = Clock::now();
    for (int i = 0; i < 500; ++i) CHECK(from_the_cpu(doubled(kValues), fault.reason));
    half = seconds(start);
  }
  CHECK(halves[1] < 5.0 * halves[0] + 0.5);
  CHECK(fake::live_objects() == live);
  CHECK(portfolio::metal::fallbacks().count == before + 1001);
  CHECK(portfolio::metal::fallbacks().last.rfind(fault.reason, 0) == 0);
  if (Gpu* gpu = Gpu::get()) CHECK((gpu->trouble().rfind(fault.reason, 0) == 0) == fault.broken);

  fake::set_faults({});  // the fault is gone: only a broken GPU stays out of use, and only until it is opened again
  const bool remembered =
      fault.broken || Gpu::get() == nullptr || fault.faults.does_not_compile || fault.faults.pipeline_threads == 64;
  CHECK(doubled(kValues).device.name == (remembered ? "cpu" : "metal"));
  Gpu::close();
  CHECK(fake::live_objects() == 0);
  CHECK(doubled(kValues).device.name == "metal");
  Gpu::close();
  CHECK(fake::live_objects() == 0);
}

// Kernels without simdgroup operations go on; those with them are told so when their pipeline is made.
void old_family() {
  fake::Faults faults;
  faults.old_family = true;
  reopen(faults);
  CHECK(!Gpu::get()->limits().simdgroup_matrix);
  CHECK(doubled(kValues).device.name == "metal");
  const auto total = [] {
    return portfolio::metal::attempt(
        [](Gpu& gpu) {
          const Buffer values = gpu.allocate(32 * sizeof(float)), sum = gpu.allocate(sizeof(float));
          std::fill_n(values.data<float>(), 32, 2.0f);
          gpu.run({{"total", {Argument::buffer(values), Argument::buffer(sum)}, {}, 32, {}}});
          return Result{{*sum.data<float>()}, {}};
        },
        [] { return Result{{64.0f}, {}}; });
  };
  for (int i = 0; i < 1000; ++i) {
    const Result result = total();
    CHECK(result.values[0] == 64.0f && result.device.name == "cpu");
    CHECK(result.device.reason.find("kernel total: Target does not support simdgroup operations") != std::string::npos);
  }
  reopen({});
  CHECK(total().device.name == "metal" && total().values[0] == 64.0f);
}

// The caller waits once, for as long as was said; what the GPU may still write to is kept until it lets go of it.
void no_answer(fake::Answer answer) {
  ::setenv("PORTFOLIO_METAL_TIMEOUT", "0.2", 1);
  fake::Faults faults;
  faults.answer = answer;
  reopen(faults);
  const auto start = Clock::now();
  CHECK(from_the_cpu(doubled(kValues), "the GPU did not answer within 0.2"));
  CHECK(seconds(start) >= 0.2);
  const auto later = Clock::now();
  for (int i = 0; i < 1000; ++i) CHECK(from_the_cpu(doubled(kValues), "the GPU did not answer within 0.2"));
  CHECK(seconds(later) < 20.0);
  CHECK(fake::live_objects() > 0);
  Gpu::close();
  CHECK(fake::live_objects() > 0);  // the stuck command buffer and its memory
  fake::let_go();
  CHECK(eventually([] { return fake::live_objects() == 0; }));
  ::setenv("PORTFOLIO_METAL_TIMEOUT", "30", 1);
  reopen({});
  CHECK(doubled(kValues).device.name == "metal");
}

void faults_in_many_threads() {
  fake::Faults faults;
  faults.answer = fake::Answer::error;
  reopen(faults);
  std::vector<std::thread> threads;
  std::vector<int> wrong(8, 0);
  for (std::size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) wrong[t] += !from_the_cpu(doubled(kValues), "the GPU failed");
    });
  }
  for (auto& thread : threads) thread.join();
  for (const int count : wrong) CHECK(count == 0);
}

void after_a_fork() {
  reopen({});
  CHECK(doubled(kValues).device.name == "metal");
  const pid_t child = ::fork();
  if (child == 0) ::_exit(from_the_cpu(doubled(kValues), "Metal was opened before this process was forked") ? 0 : 1);
  int status = -1;
  CHECK(::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

}  // namespace

int main() {
  for (const Case& fault : cases()) once_and_a_thousand_times(fault);
  old_family();
  no_answer(fake::Answer::never);
  no_answer(fake::Answer::late);
  faults_in_many_threads();
  after_a_fork();
  Gpu::close();
  CHECK(fake::live_objects() == 0);
  return check::finish();
}
