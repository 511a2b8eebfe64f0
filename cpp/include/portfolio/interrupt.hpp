// How a caller ends work early: a deadline, or a token that another thread cancels.
#pragma once

#include <atomic>
#include <chrono>

namespace portfolio {

class CancelToken {
 public:
  void cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> cancelled_{false};
};

// Kernels ask between the steps of their work; the token outlives the call.
struct Interrupt {
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  const CancelToken* token = nullptr;

  bool cancelled() const { return token != nullptr && token->cancelled(); }
  bool late() const {
    return deadline != std::chrono::steady_clock::time_point::max() && std::chrono::steady_clock::now() >= deadline;
  }
  bool requested() const { return cancelled() || late(); }
};

}  // namespace portfolio
