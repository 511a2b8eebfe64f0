// What can go wrong on a GPU, on demand; and what may never happen on one.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>

namespace fake {

// The host broke a rule of Metal, for which macOS ends the process.
struct Misuse : std::logic_error {
  using std::logic_error::logic_error;
};

enum class Answer { right, error, late, never };  // of a command buffer; the last two wait for let_go()

struct Faults {
  bool no_device = false;
  bool no_queue = false;
  bool no_buffer = false;
  bool no_command_buffer = false;
  bool no_encoder = false;
  bool does_not_compile = false;
  bool old_family = false;              // Apple5: no simdgroup operations
  std::size_t pipeline_threads = 1024;  // the most threads in a threadgroup of any pipeline
  Answer answer = Answer::right;
};

// The faults in force: at first those named, with commas, in the environment's PORTFOLIO_FAKE_METAL.
Faults faults();
void set_faults(const Faults& faults);
void let_go();  // ends all waiting of late and never answers

long live_objects();
long made_objects();  // since the process started

}  // namespace fake
