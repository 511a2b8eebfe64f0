// The working set of the critical line: which assets are free, which rows are active, and the line they define.
//   minimise 1/2 w'Sigma w - t mu'w  subject to  A w = b,  G w <= h,  lb <= w <= ub
#pragma once

#include <vector>

#include "critical_line_data.hpp"
#include "critical_line_factor.hpp"

namespace portfolio::critical_line {

// On one working set everything is affine in t: weights x = x0 + t x1, and so on.
struct Line {
  std::vector<double> x0, x1;  // n, weights
  std::vector<double> s0, s1;  // n, Sigma x
  std::vector<double> r0, r1;  // n, Sigma x - t mu + A'y + G'z: zero on the free, >= 0 at a lower bound
  std::vector<double> m1;      // n, what A'y1 + G'z1 adds up, in absolute terms
  std::vector<double> y0, y1;  // a row, its multiplier; zero where it is not active
  std::vector<double> a0, a1;  // a row, its value
};

enum class Place : unsigned char { free, lower, upper };

class WorkingSet {
 public:
  // `bounds` says where each asset starts; none is free yet.
  WorkingSet(const Data& data, std::vector<Place> bounds);

  Place place(std::size_t j) const { return place_[j]; }
  bool active(std::size_t row) const { return active_[row] != 0; }
  const std::vector<std::size_t>& free() const { return free_; }
  const std::vector<std::size_t>& rows() const { return rows_; }
  const Line& line() const { return line_; }

  // False, and unchanged, when the asset's risk and rows depend on those of the free ones.
  bool release(std::size_t j);
  void pin(std::size_t j, Place bound);   // a free one
  void move(std::size_t j, Place bound);  // one that is not
  bool activate(std::size_t row);
  bool drop(std::size_t row);
  // The free assets' direction, 1 for asset j, in which neither risk nor active rows change; after release(j) failed.
  std::vector<double> dependence(std::size_t j) const;

  // The line of the set, refined on the data. False when the active rows depend on each other on the free assets:
  // `dependent_rows` then holds the combination that vanishes, in the order of rows(); empty when the factor fails.
  bool solve();
  bool renew() { return refresh() && solve(); }  // from the data, without the updates
  std::vector<double> dependent_rows;

 private:
  double entry(std::size_t i, std::size_t j) const;
  void row_entries(std::size_t j, std::vector<double>& column) const;
  bool refresh();
  bool refactor();
  bool schur();
  void solve_kkt(std::vector<double>& x, std::vector<double>& y);
  void stand();
  void price();
  void refresh_held();
  void add_held(std::size_t j, double weight);
  double correction(std::vector<double>& x, std::vector<double>& y) const;

  const Data* data_;
  std::vector<Place> place_;
  std::vector<char> active_;
  std::vector<std::size_t> free_, position_, rows_;
  std::vector<double> held_;     // Sigma times the weights that are not free
  std::vector<double> penalty_;  // a row: what makes Sigma + sum penalty g g' definite where Sigma alone is singular
  bool augmented_ = false;
  std::size_t updates_ = 0;
  Factor factor_, schur_;
  std::vector<double> Y_;  // k x q: the factor's inverse times the active rows
  std::vector<double> B_;  // k x q: the active rows on the free assets
  Line line_;
};

}  // namespace portfolio::critical_line
