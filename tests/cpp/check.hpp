// The whole C++ test framework: CHECK and friends print and count, finish() is main's return value.
#pragma once

#include <cmath>
#include <cstdio>
#include <stdexcept>
#include <string>

namespace check {
inline int failures = 0;
inline int checks = 0;

inline void that(bool ok, const char* text, const char* file, int line) {
  ++checks;
  if (!ok) {
    ++failures;
    std::printf("%s:%d: failed: %s\n", file, line, text);
  }
}

inline void near(double got, double want, double tolerance, const char* text, const char* file, int line) {
  ++checks;
  if (!(std::fabs(got - want) <= tolerance)) {
    ++failures;
    std::printf("%s:%d: failed: %s: got %.17g, want %.17g +- %g\n", file, line, text, got, want, tolerance);
  }
}

template <class F>
void throws(F f, const std::string& part, const char* file, int line) {
  ++checks;
  std::string got = "nothing thrown";
  try {
    f();
  } catch (const std::invalid_argument& e) {
    got = e.what();
    if (got.find(part) != std::string::npos) return;
  }
  ++failures;
  std::printf("%s:%d: failed: expected invalid_argument with \"%s\", got: %s\n", file, line, part.c_str(), got.c_str());
}

inline int finish() {
  std::printf("%d checks, %d failed\n", checks, failures);
  return failures == 0 && checks > 0 ? 0 : 1;
}
}  // namespace check

#define CHECK(condition) check::that((condition), #condition, __FILE__, __LINE__)
#define CHECK_NEAR(got, want, tolerance) check::near((got), (want), (tolerance), #got, __FILE__, __LINE__)
#define CHECK_THROWS(expression, part) check::throws([&] { (void)(expression); }, (part), __FILE__, __LINE__)
