// How a caller ends work early: a deadline, or a token that another thread cancels.
#pragma once

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>

namespace portfolio {

class CancelToken {
 public:
  void cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> cancelled_{false};
};

// Thrown by the kernels whose result has no status, and thus no room for half an answer.
class Interrupted : public std::runtime_error {
 public:
  Interrupted(const char* function, bool cancelled)
      : std::runtime_error(std::string("[") + function + "] " +
                           (cancelled ? "cancel: the caller cancelled the computation"
                                      : "time_limit: the computation was not finished in time")),
        cancelled_(cancelled) {}
  bool cancelled() const { return cancelled_; }

 private:
  bool cancelled_;
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
  void check(const char* function) const {
    if (requested()) throw Interrupted(function, cancelled());
  }
};

}  // namespace portfolio
