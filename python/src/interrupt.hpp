// time_limit (seconds from now, None for none) and cancel (a CancelToken or None) as the kernels take them.
#pragma once

#include <pybind11/pybind11.h>

#include <optional>

#include "portfolio/interrupt.hpp"

inline portfolio::Interrupt interrupt_of(std::optional<double> time_limit, const portfolio::CancelToken* cancel) {
  portfolio::Interrupt out;
  out.token = cancel;
  constexpr double longest = 1e9;  // thirty years: beyond it the clock overflows
  if (time_limit && *time_limit < longest) {
    out.deadline = std::chrono::steady_clock::now() + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                                                          std::chrono::duration<double>(*time_limit));
  }
  return out;
}
