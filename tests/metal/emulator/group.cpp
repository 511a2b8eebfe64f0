#include "group.hpp"

#include <algorithm>
#include <utility>

namespace emulator {
namespace {
struct Abandoned {};

// A fiber's accesses are all in order for ThreadSanitizer, and after a barrier so are those of all fibers it met there.
// Two groups are in no order: they take turns in using two sets of fibers.
const std::size_t fiber_sets = under_tsan ? 2 : 1;

thread_local Group* running_group = nullptr;
thread_local std::vector<std::unique_ptr<Fiber>> idle_fibers;  // making stacks anew would be most of a small dispatch

std::unique_ptr<Fiber> take_fiber(void (*start)(void*)) {
  if (idle_fibers.empty()) return std::make_unique<Fiber>(start);
  auto fiber = std::move(idle_fibers.back());
  idle_fibers.pop_back();
  return fiber;
}
}  // namespace

Group& Group::current() { return *running_group; }

Group::Group(const Kernel& kernel, const Launch& launch, const Options& options)
    : kernel_(kernel),
      launch_(launch),
      options_(options),
      memory_(launch.threadgroup_bytes, kernel.threadgroup_arrays, options.fences != Fences::device),
      random_(options.seed),
      noise_(options.seed + 1) {
  const std::size_t count = launch.threads.count();
  while (fibers_.size() < fiber_sets * count) fibers_.push_back(take_fiber(&Group::fiber_main));
  simdgroups_.resize((count + simd_width - 1) / simd_width);
  syncs_.resize(groups_between_frees * (1 + simdgroups_.size()) * 2);
  for (const Argument& argument : launch.arguments) {
    buffers_.push_back({argument.data, argument.bytes});
    if (options.fences == Fences::threadgroup) tsan_ignore(argument.data, argument.bytes);
  }
  running_group = this;
}

Group::~Group() {
  abandon();
  running_group = nullptr;
  tsan_acquire(&end_sync_);
  for (auto& fiber : fibers_) idle_fibers.push_back(std::move(fiber));
}

// After an error: fibers that wait inside the kernel leave it by an exception, so that their stacks can be used again.
void Group::abandon() {
  abandoned_ = true;
  cursor_ = order_.size();
  for (auto& fiber : fibers_) {
    if (fiber->state == State::done) continue;
    running_ = fiber.get();
    Context::change(main_, fiber->context);
  }
}

void Group::fiber_main(void* self) {
  auto* fiber = static_cast<Fiber*>(self);
  for (;;) {
    Group& group = current();
    tsan_acquire(&group.start_sync_);
    try {
      if (!group.abandoned_) group.kernel_.linked->entry(fiber->thread);
    } catch (const Abandoned&) {
    } catch (...) {
      if (group.failure_ == nullptr) group.failure_ = std::current_exception();
    }
    tsan_release(&group.end_sync_);
    group.stop(State::done, "", {"", 0});
  }
}

void Group::run(Extent position) {
  if (groups_run_ % groups_between_frees == 0) {
    tsan_acquire(&end_sync_);
    memory_.free_retired();
  }
  memory_.start_group();
  place_threads(position);
  ++groups_run_;
  do {
    if (options_.seed != 0) std::shuffle(order_.begin(), order_.end(), random_);
    run_ready();
  } while (release_simdgroups() || release_threadgroup());
}

void Group::place_threads(Extent position) {
  const Extent threads = launch_.threads, groups = launch_.groups;
  const auto triple = [](Extent extent) { return Triple{extent.x, extent.y, extent.z}; };
  const auto count = static_cast<unsigned>(threads.count());
  threads_.resize(count);
  for (unsigned i = 0; i < count; ++i) {
    Fiber& fiber = *fibers_[groups_run_ % fiber_sets * count + (i + groups_run_) % count];
    threads_[i] = &fiber;
    fiber.state = State::ready;
    fiber.simd_count = fiber.barrier_count = 0;
    Thread& t = fiber.thread;
    t.thread_position_in_threadgroup = {i % threads.x, i / threads.x % threads.y, i / (threads.x * threads.y)};
    t.threadgroup_position_in_grid = triple(position);
    const Triple inner = t.thread_position_in_threadgroup;
    t.thread_position_in_grid = {position.x * threads.x + inner.x, position.y * threads.y + inner.y,
                                 position.z * threads.z + inner.z};
    t.threads_per_threadgroup = triple(threads);
    t.threadgroups_per_grid = triple(groups);
    t.threads_per_grid = {groups.x * threads.x, groups.y * threads.y, groups.z * threads.z};
    t.thread_index_in_threadgroup = i;
    t.thread_index_in_simdgroup = i % simd_width;
    t.simdgroup_index_in_threadgroup = i / simd_width;
    t.simdgroups_per_threadgroup = static_cast<unsigned>(simdgroups_.size());
    t.threads_per_simdgroup = simd_width;
    t.buffers = buffers_.data();
    t.threadgroup_memory = memory_.bound();
  }
  order_ = threads_;
  tsan_release(&start_sync_);
}

// One turn: every fiber that can go on does so until it must wait.
void Group::run_ready() {
  cursor_ = 0;
  Context::change(main_, next_ready());
  if (failure_ != nullptr) std::rethrow_exception(failure_);
}

Context& Group::next_ready() {
  while (failure_ == nullptr && cursor_ < order_.size()) {
    Fiber* fiber = order_[cursor_++];
    if (fiber->state != State::ready) continue;
    running_ = fiber;
    return fiber->context;
  }
  return main_;
}

// How a kernel waits: unless the whole group has failed meanwhile, it goes on.
void Group::wait(State state, const char* operation, Place place) {
  stop(state, operation, place);
  if (abandoned_) throw Abandoned();
}

void Group::stop(State state, const char* operation, Place place) {
  Fiber& fiber = *running_;
  fiber.state = state;
  fiber.operation = operation;
  fiber.place = place;
  Context::change(fiber.context, next_ready());
}
}  // namespace emulator
