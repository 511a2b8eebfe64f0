#include "faults.hpp"

#include <cstdlib>
#include <map>
#include <mutex>
#include <sstream>

#include "waiting.hpp"

namespace fake {
namespace {

std::mutex guard;

Faults named(const char* names) {
  Faults faults;
  const std::map<std::string, bool*> flags = {
      {"no_device", &faults.no_device},   {"no_queue", &faults.no_queue},
      {"no_buffer", &faults.no_buffer},   {"no_command_buffer", &faults.no_command_buffer},
      {"no_encoder", &faults.no_encoder}, {"does_not_compile", &faults.does_not_compile},
      {"old_family", &faults.old_family},
  };
  std::istringstream list(names == nullptr ? "" : names);
  for (std::string name; std::getline(list, name, ',');) {
    if (const auto flag = flags.find(name); flag != flags.end()) {
      *flag->second = true;
    } else if (name == "pipeline_64") {
      faults.pipeline_threads = 64;
    } else if (name == "error") {
      faults.answer = Answer::error;
    } else if (name == "never") {
      faults.answer = Answer::never;
    } else {
      throw Misuse("PORTFOLIO_FAKE_METAL: no fault is called " + name);
    }
  }
  return faults;
}

Faults& in_force() {
  static Faults faults = named(std::getenv("PORTFOLIO_FAKE_METAL"));
  return faults;
}

}  // namespace

Faults faults() {
  const std::lock_guard<std::mutex> lock(guard);
  return in_force();
}

void set_faults(const Faults& faults) {
  const std::lock_guard<std::mutex> lock(guard);
  in_force() = faults;
}

}  // namespace fake
