// Waiting with a bound for work that can only be waited for without one.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace portfolio::metal {

// Metal's waitUntilCompleted has no timeout, and a completion handler must not throw: so one thread does the waiting,
// in the order of the calls, and the callers wait for that thread.
class Waiter {
 public:
  using Wait = std::function<std::string()>;  // blocks until the work is done; returns its error, empty when it is fine

  Waiter();
  ~Waiter();  // a wait that never ends keeps its thread and what it holds
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  // What wait() returned; nothing when it took longer than `bound`. Then wait lives on, with all that it holds.
  std::optional<std::string> within(std::chrono::duration<double> bound, Wait wait);

 private:
  struct Shared;
  static void serve(const std::shared_ptr<Shared>& shared);
  std::shared_ptr<Shared> shared_;
};

}  // namespace portfolio::metal
