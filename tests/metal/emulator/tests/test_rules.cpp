// What the emulator refuses: divergence, partial simdgroups, wrong launches; and the memory a kernel finds.
#include <set>

#include "run.hpp"

namespace {
using emulator::buffer;
using emulator::dispatch;

std::vector<float> out(256);

emulator::Launch one_group(std::uint32_t threads) { return {.arguments = {buffer(out)}, .threads = {threads}}; }

// "rules.metal:17", `lines` below the line on which the kernel's name stands.
std::string place(const std::string& kernel, int lines) {
  const emulator::Kernel& found = emulator::find_kernel(kernel);
  CHECK(found.line == line_of(found.file, "kernel void " + kernel));
  return "rules.metal:" + std::to_string(found.line + lines);
}

void divergence() {
  const std::string barrier = "threadgroup_barrier in divergent control flow",
                    simd = "simdgroup operation in divergent";
  for (const std::uint64_t seed : {0, 1, 2}) {
    emulator::set_options(with(seed));
    refused("barrier_in_branch", one_group(64), {barrier, place("barrier_in_branch", 2), "has returned"});
    refused("barrier_after_return", one_group(64), {barrier, place("barrier_after_return", 2), "63 has returned"});
    refused("different_barriers", one_group(64),
            {barrier, place("different_barriers", 2), place("different_barriers", 4)});
    refused("simd_in_branch", one_group(32),
            {simd, "simd_sum", place("simd_in_branch", 2), place("simd_in_branch", 3)});
    refused("different_simd_operations", one_group(32), {simd, "simd_sum", "simd_max"});
    refused("simd_after_return", one_group(32), {simd, place("simd_after_return", 2), "9 has returned"});
    refused("simd_against_barrier", one_group(32), {simd, "simdgroup_barrier", "threadgroup_barrier"});
  }
  emulator::set_options({});
  dispatch("one_simdgroup_works", one_group(64));
  for (std::size_t t = 0; t < 64; ++t) CHECK(out[t] == (t < 32 ? 0.0f : 1520.0f));
  for (const std::uint32_t threads : {1u, 31u, 33u, 63u}) {
    refused("one_simdgroup_works", one_group(threads), {"partial simdgroup of " + std::to_string(threads % 32)});
  }
}

void groups_are_independent() {
  std::vector<float> three(192, 0.0f);
  dispatch("group_returns", {.arguments = {buffer(three)}, .groups = {3}, .threads = {64}});
  for (std::size_t i = 0; i < three.size(); ++i) CHECK(three[i] == (i / 64 == 1 ? 0.0f : 1.0f));
}

// A kernel that reads before it writes finds NaN in shared memory, in every group, and rubbish in its own.
void poison() {
  std::vector<std::uint32_t> found(3 * 96);
  dispatch("memory_at_start",
           {.arguments = {buffer(found)}, .groups = {3}, .threads = {32}, .threadgroup_bytes = {128}});
  for (std::size_t i = 0; i < found.size(); ++i) CHECK(i % 96 < 64 ? found[i] == 0xFFFFFFFFu : found[i] != 0u);
}

void orders() {
  std::set<std::uint32_t> winners;
  std::vector<std::uint32_t> last(1);
  const emulator::Launch launch{.arguments = {buffer(last)}, .groups = {4}, .threads = {64}};
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    emulator::set_options(with(seed));
    dispatch("order_of_threads", launch);
    if (seed == 0) CHECK(last[0] == 255);
    winners.insert(last[0]);
  }
  CHECK(winners.size() > 10);
  emulator::set_options({});
}

void launches() {
  const std::vector<float> constant_values(256);
  const emulator::Argument params = emulator::value(std::vector<float>(4).front());
  std::vector<float> four(4, 7.0f);
  refused("no_such_kernel", one_group(32), {"no kernel is called no_such_kernel"});
  refused("group_returns", {.threads = {32}}, {"buffer(0) x is not bound"});
  refused("group_returns", {.arguments = {buffer(constant_values)}, .threads = {32}}, {"read-only"});
  refused("group_returns", {.arguments = {buffer(out), buffer(out)}, .threads = {32}}, {"2 arguments are bound"});
  refused("group_returns", one_group(0), {"0 threads"});
  refused("group_returns", one_group(1025), {"1025 threads", "1024"});
  refused("group_returns", {.arguments = {buffer(out)}, .groups = {0}, .threads = {32}}, {"empty grid"});
  refused("few_threads", {.arguments = {buffer(out), params}, .threads = {32}}, {"has 4 bytes", "float4", "16"});
  refused("few_threads", {.arguments = {buffer(out), buffer(four.data() + 1, 16)}, .threads = {32}}, {"misaligned"});
  refused("few_threads", {.arguments = {buffer(out), buffer(four)}, .threads = {96}}, {"96 threads", "64"});
  dispatch("few_threads", {.arguments = {buffer(out), buffer(four)}, .threads = {64}});
  CHECK(out[63] == 7.0f);
  CHECK(emulator::find_kernel("few_threads").max_threads == 64);
  refused("memory_at_start", one_group(32), {"0 threadgroup lengths for 1"});
  refused("group_returns", {.arguments = {buffer(out)}, .threads = {32}, .threadgroup_bytes = {16}},
          {"1 threadgroup lengths for 0"});
  refused("much_memory", {.arguments = {buffer(out)}, .threads = {32}, .threadgroup_bytes = {24}}, {"multiple of 16"});
  refused("much_memory", {.arguments = {buffer(out)}, .threads = {32}, .threadgroup_bytes = {4784}},
          {"32784 bytes of at most 32768"});
  dispatch("much_memory", {.arguments = {buffer(out)}, .threads = {32}, .threadgroup_bytes = {4768}});
  CHECK(std::isnan(out[0]));
}

void reflection() {
  const emulator::Kernel& kernel = emulator::find_kernel("few_threads");
  CHECK(kernel.parameters.size() == 3);
  const emulator::Parameter &x = kernel.parameters[0], &p = kernel.parameters[1], &t = kernel.parameters[2];
  CHECK(x.binding == emulator::Binding::buffer && x.index == 0 && x.name == "x" && x.type == "float");
  CHECK(x.element_bytes == 4 && x.writable && !x.reference);
  CHECK(p.index == 1 && p.type == "float4" && p.element_bytes == 16 && !p.writable && p.reference);
  CHECK(t.binding == emulator::Binding::builtin && t.index == -1 && t.name == "thread_position_in_grid");
  CHECK(emulator::find_kernel("much_memory").static_threadgroup_bytes == 28000);
  CHECK(emulator::find_kernel("memory_at_start").parameters[1].binding == emulator::Binding::threadgroup);
}
}  // namespace

int main() {
  divergence();
  groups_are_independent();
  poison();
  orders();
  launches();
  reflection();
  return check::finish();
}
