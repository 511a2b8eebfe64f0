// The transcendental functions, correct to about one unit in the last place, and worse on demand.
#include <cmath>
#include <cstring>

#include "group.hpp"

namespace emulator {
float Group::noise(float x) {
  if (options_.ulp_noise == 0 || !std::isnormal(x)) return x;
  std::uint32_t bits = 0;
  std::memcpy(&bits, &x, sizeof bits);
  const auto width = 2 * static_cast<std::uint32_t>(options_.ulp_noise) + 1;
  bits += static_cast<std::uint32_t>(noise_() % width) - static_cast<std::uint32_t>(options_.ulp_noise);
  float noisy = 0;
  std::memcpy(&noisy, &bits, sizeof noisy);
  return std::isnormal(noisy) ? noisy : x;
}

float exp(float x) { return Group::current().noise(std::exp(x)); }
float log(float x) { return Group::current().noise(std::log(x)); }
float sin(float x) { return Group::current().noise(std::sin(x)); }
float cos(float x) { return Group::current().noise(std::cos(x)); }
float rsqrt(float x) { return Group::current().noise(static_cast<float>(1.0 / std::sqrt(static_cast<double>(x)))); }
}  // namespace emulator
