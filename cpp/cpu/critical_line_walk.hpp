// Walking along the critical line from one solved program, in either direction of t.
#pragma once

#include <cstddef>
#include <vector>

#include "critical_line.hpp"

namespace portfolio::critical_line {

enum class End { finished, unbounded, stuck, time_limit, cancelled };

class Walk {
 public:
  // The working set of a solved program: dependent assets and rows are exchanged until its line is unique.
  // `scale` is a typical t.
  Walk(const Data& data, const Interrupt& interrupt, double t, double scale, const QpResult& solved);

  bool certified() const { return ready_; }
  double t() const { return t_; }  // reached
  double max_residual() const { return worst_; }

  // From t() on until `until`; corners in the order met, and at the end of a downward walk the one at `until`.
  End go(double until, std::vector<Corner>& corners);

 private:
  enum class Kind { none, release, pin_lower, pin_upper, activate, drop };
  struct Event {
    Kind kind = Kind::none;
    std::size_t index = 0;
    double step = kNone;
  };

  bool build(const QpResult& solved);
  bool make_room(std::size_t j);
  bool exchange(std::vector<double>& y);
  Event next(double direction) const;
  bool apply(const Event& event);
  double residual(double t) const;
  Corner corner(double t) const;
  bool bends(const std::vector<double>& before) const;

  const Data* data_;
  const Interrupt* interrupt_;
  WorkingSet set_;
  std::vector<char> refused_;  // assets whose release failed since the last one was pinned
  std::vector<double> x_;      // while building
  double t_ = 0.0, worst_ = 0.0;
  double nothing_;  // a distance in t that is rounding
  bool ready_ = false;
};

}  // namespace portfolio::critical_line
