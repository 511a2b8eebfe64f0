#include <stdexcept>
#include <string>

#include "../../cpp/src/parallel.hpp"
#include "check.hpp"

int main() {
  using namespace portfolio;
  CHECK(block_count(0, 8) == 0 && block_count(8, 8) == 1 && block_count(9, 8) == 2);
  for (const std::size_t threads : {1u, 2u, 5u}) {
    set_num_threads(threads);
    std::vector<int> calls(97, 0);
    parallel_for(calls.size(), [&](std::size_t block) { ++calls[block]; });
    bool once = true;
    for (const int count : calls) once = once && count == 1;
    CHECK(once);
    parallel_for(0, [](std::size_t) { throw std::logic_error("no block, no call"); });
    std::string message;
    try {
      parallel_for(50, [](std::size_t block) {
        if (block == 7) throw std::invalid_argument("block " + std::to_string(block));
      });
    } catch (const std::invalid_argument& error) {
      message = error.what();
    }
    CHECK(message == "block 7");
  }
  return check::finish();
}
