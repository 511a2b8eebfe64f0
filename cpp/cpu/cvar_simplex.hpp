// A primal active-set (simplex) method that moves from kink to kink of the piecewise linear objective of a Program.
// A vertex is a set of rows at their kink and as many columns off their bounds; a step passes every kink at which the
// objective still falls (a long-step ratio test), so that the scenarios cost a scan each and never a variable.
#pragma once

#include <cstdint>
#include <vector>

#include "cvar_basis.hpp"

namespace portfolio::cvar {

constexpr double kFeasible = 1e-10;  // distance of a scaled row from its limit that counts as none

enum class Outcome { optimal, infeasible, unbounded, max_iterations, broken, interrupted };

class Simplex {
 public:
  explicit Simplex(const Program& program);

  Outcome run(VectorView start, int max_iterations, const Interrupt& interrupt);

  int iterations() const { return iterations_; }
  const std::vector<double>& x() const { return x_; }            // n, the level last
  const std::vector<double>& ray() const { return direction_; }  // n, of an unbounded problem
  std::vector<double> multipliers() const;                       // a row each; of phase 1 when infeasible
  const std::vector<double>& reduced_costs() const { return reduced_; }

 private:
  struct Entering {
    bool row = false;       // a row leaves its kink, else a column its bound
    std::size_t index = 0;  // column, or place in the basis
    double sign = 0.0, slope = 0.0;
  };
  struct Kink {
    double step, bend;  // the slope rises by `bend` there
    bool row;           // a row reaches its kink, else a column its bound
    std::size_t index;  // row; or place in the basis, the entering column being beyond the last
    double pivot;
    bool operator>(const Kink& other) const { return step > other.step; }
  };

  double low(std::size_t row) const;  // slope of the row's cost below its kink, and above
  double high(std::size_t row) const;
  double bend(std::size_t row) const;
  std::size_t first_idle() const { return two_ ? program_.row_count() : program_.m + program_.p; }

  void place(VectorView start);
  void open_phase_two();
  Outcome phase(int max_iterations, const Interrupt& interrupt);
  std::uint64_t random();
  void perturb();
  void restore();
  void settle();  // x, y and the gradient anew from the basis
  void recompute_rows();
  void recompute_gradient();
  void price();
  bool choose(Entering& out);
  bool choose_superbasic(Entering& out);
  void find_direction(const Entering& entering);
  void collect(const Entering& entering, double& limit);
  bool step(const Entering& entering);  // false: the objective falls without limit
  void move(const Entering& entering, double length);
  bool exchange(const Entering& entering, const Kink& hit);
  void add_gradient(std::size_t row, double slope);
  double violation() const;

  const Program& program_;
  std::vector<double> shift_, lb_, ub_;  // the program's, but where kinks that coincide were taken apart
  Basis basis_;
  bool two_ = false;  // phase 2: the objective; phase 1: the sum of what the rows are beyond their limits
  std::vector<double> x_, y_, gradient_, reduced_, direction_, dy_, pi_, ratio_, by_column_, by_row_;
  std::vector<std::size_t> place_of_row_;  // in the basis, or kNone
  std::vector<char> basic_, above_;        // columns; rows above their kink
  std::vector<Kink> kinks_;
  std::vector<std::size_t> crossed_;
  std::uint64_t random_ = 0x9E3779B97F4A7C15u;
  int iterations_ = 0, stalled_ = 0, since_refactor_ = 0, perturbations_ = 0;
  bool perturbed_ = false, lost_ = false;  // a pivot too small: refactor
};

}  // namespace portfolio::cvar
