#include "active_set_loops.hpp"

namespace portfolio::active {

const Loops& loops() {
  static const Loops& chosen = PORTFOLIO_SIMD_CHOOSE(active_set_loops);
  return chosen;
}

}  // namespace portfolio::active
