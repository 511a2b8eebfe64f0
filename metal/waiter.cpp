#include "waiter.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace portfolio::metal {
namespace {

struct Job {
  Waiter::Wait wait;
  std::optional<std::string> outcome;
};

}  // namespace

struct Waiter::Shared {
  std::mutex guard;
  std::condition_variable arrived, finished;
  std::deque<std::shared_ptr<Job>> jobs;
  bool busy = false;
  bool stop = false;
  std::thread thread;
};

Waiter::Waiter() : shared_(std::make_shared<Shared>()) { shared_->thread = std::thread(serve, shared_); }

Waiter::~Waiter() {
  std::unique_lock<std::mutex> lock(shared_->guard);
  shared_->stop = true;
  const bool stuck = shared_->busy;
  std::thread thread = std::move(shared_->thread);
  lock.unlock();
  shared_->arrived.notify_all();
  if (!thread.joinable()) return;
  if (stuck) {
    thread.detach();
  } else {
    thread.join();
  }
}

std::optional<std::string> Waiter::within(std::chrono::duration<double> bound, Wait wait) {
  const auto job = std::make_shared<Job>(Job{std::move(wait), {}});
  std::unique_lock<std::mutex> lock(shared_->guard);
  shared_->jobs.push_back(job);
  shared_->arrived.notify_one();
  shared_->finished.wait_for(lock, bound, [&] { return job->outcome.has_value(); });
  return job->outcome;
}

void Waiter::serve(const std::shared_ptr<Shared>& shared) {
  std::unique_lock<std::mutex> lock(shared->guard);
  for (;;) {
    shared->arrived.wait(lock, [&] { return shared->stop || !shared->jobs.empty(); });
    if (shared->jobs.empty()) return;
    const std::shared_ptr<Job> job = std::move(shared->jobs.front());
    shared->jobs.pop_front();
    shared->busy = true;
    lock.unlock();
    std::string outcome = job->wait();
    job->wait = nullptr;  // what it held is given back before the caller goes on
    lock.lock();
    shared->busy = false;
    job->outcome = std::move(outcome);
    shared->finished.notify_all();
  }
}

}  // namespace portfolio::metal
