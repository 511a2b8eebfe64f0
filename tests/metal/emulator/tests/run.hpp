// What the emulator's tests share: a kernel that must be refused, and rows of results.
#pragma once

#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "check.hpp"
#include "emulator.hpp"

// Line of `file` on which `text` stands first; 0 when nowhere.
inline int line_of(const std::string& file, const std::string& text) {
  std::ifstream in(file);
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    if (line.find(text) != std::string::npos) return number;
  }
  return 0;
}

inline emulator::Options with(std::uint64_t seed, int ulp_noise = 0) {
  emulator::Options options;
  options.seed = seed;
  options.ulp_noise = ulp_noise;
  return options;
}

inline void refused(const std::string& kernel, const emulator::Launch& launch, const std::vector<std::string>& parts) {
  std::string got = "nothing thrown";
  try {
    emulator::dispatch(kernel, launch);
  } catch (const emulator::Error& error) {
    got = error.what();
  }
  for (const std::string& part : parts) {
    check::that(got.find(part) != std::string::npos, (kernel + ": no \"" + part + "\" in: " + got).c_str(), __FILE__,
                __LINE__);
  }
}

inline std::uint32_t bits(float x) {
  std::uint32_t word = 0;
  std::memcpy(&word, &x, sizeof word);
  return word;
}
