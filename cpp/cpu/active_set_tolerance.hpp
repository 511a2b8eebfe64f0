// Tolerances in the units of active::Model, where curvature, gradient and x are of order one.
#pragma once

namespace portfolio::active {

constexpr double kStationary = 1e-12;  // a subspace minimiser, in units of the largest multiplier
constexpr double kPrice = 1e-11;       // multiplier of the wrong sign, in units of the largest
constexpr double kFlat = 1e-10;        // curvature along a direction that counts as none
constexpr double kSeeded = 1e-7;       // the same for the first working set
constexpr double kDependent = 1e-11;   // share of a row outside the span of those active
constexpr double kRestored = 1e-9;     // a row this near its limit is met
constexpr double kSettled = 1e-11;     // a priced row this near its limit has no price
constexpr double kStill = 1e-12;       // share of the longest component that does not move
constexpr double kRounding = 1e-14;    // of x
constexpr double kNothing = 1e-14;     // a change of x that is rounding
constexpr double kTie = 1e-13;         // breakpoints this near are reached together
constexpr double kPenalty = 100.0;     // first price of a violated row
constexpr int kRebuild = 20;           // steps between two inverses from nothing
constexpr int kRestarts = 3;           // with an empty working set
constexpr int kStall = 30;             // steps of length zero before the lowest index decides
constexpr int kMostStalled = 2000;

}  // namespace portfolio::active
