// The active set on the candidates: the variables that were ever worth looking at, with their block of P gathered.
// Every variable is at a kink of its piecewise-linear terms (bound, held) or free between two; every row is off,
// active, or violated and priced (an exact penalty, until it is met for the first time).
#pragma once

#include <vector>

#include "active_set_inverse.hpp"
#include "active_set_model.hpp"

namespace portfolio::active {

enum class Outcome { optimal, unbounded, stuck, spent, interrupted };
enum class RowState : signed char { off, active, below, above };  // the last two are violated and priced

class Core {
 public:
  void attach(const Model& model, int capacity);
  // Gathers variable j (scaled x, gradient in the caller's units); its index among the candidates.
  int add(int j, double x, double gradient);
  // Puts every candidate strictly between its kinks, and every row met, into the first working set.
  void seed();
  // To the minimiser over the candidates.
  Outcome solve(long& steps, long most, double& work, double most_work, const Interrupt& interrupt);

  // The scaled value of row i at the point, and what it costs: sets its state where it is new.
  void set_row(int i, double value);
  void set_gradient(int c, double gradient) { gradient_[at(c)] = gradient * unit_[at(c)]; }
  void raise_price(double factor);
  // Newton steps on the working set until rounding is all that is left.
  void refine();
  // A priced row this near its limit, met with another one or by rounding, has no price; whether there is one.
  bool settle_rows(double near);
  bool priced() const;  // some row is still violated

  int count() const { return count_; }
  int index(int c) const { return index_[at(c)]; }
  double x(int c) const { return x_[at(c)]; }
  int side(int c) const { return side_[at(c)]; }  // of held, when free
  bool is_free(int c) const { return slot_[at(c)] >= 0; }
  double price(int i) const { return price_[at(i)]; }
  int working() const { return inverse_.size(); }
  double kink_slope() const { return model_->turnover() >= 0 ? price(model_->turnover()) : 0.0; }

 private:
  struct Entry {  // what enters or leaves the working set: a candidate (>= 0) or row i (-1 - i)
    int item = 0;
    int direction = 0;
    double violation = 0.0;
  };
  struct Block {
    int item = 0;
    double length = 0.0, target = 0.0, jump = 0.0, speed = 0.0;
    bool found = false;
  };

  static std::size_t at(int i) { return static_cast<std::size_t>(i); }
  const double* hessian(int c) const { return hessian_.data() + at(c) * at(capacity_); }
  const double* rows_of(int c) const { return rows_.data() + at(c) * at(row_count_); }
  double kink(int c) const;        // half the jump of the slope at `held`
  double slope_down(int c) const;  // of the piecewise-linear terms, to the left
  double slope_up(int c) const;
  double coefficient(int c, int i) const;
  double reduced(int c) const;
  void reserve(int capacity);

  double residual();
  Entry choose() const;
  Outcome release(const Entry& entry);
  void flip_in(int item, const double* u, double corner);
  void take_out(int slot);
  void renumber(int slot);
  double border(int item);  // fills border_ and product_; the corner of its Schur complement
  Block search(int entering, double most) const;
  void move(double length, int entering);
  bool admits(const Block& block);
  void ignore(int item);
  void stop_at(const Block& block);
  bool exchange(int entering, double corner, const Block& block);
  void forget(int item);
  void rates(int entering);
  bool rebuild();
  void restart();
  bool passes(const Block& block) const;
  void pass(const Block& block);

  const Model* model_ = nullptr;
  int count_ = 0, capacity_ = 0, row_count_ = 0, stall_ = 0, restarts_ = 0;
  double top_price_ = 1.0, penalty_ = 0.0, corner_ = 0.0;
  std::vector<int> index_, slot_, row_slot_, items_;
  std::vector<signed char> side_;
  std::vector<RowState> state_;
  std::vector<double> x_, low_, high_, held_, cost_, share_, unit_, gradient_, hessian_, rows_;
  std::vector<double> value_, price_, rate_;
  std::vector<double> residual_, direction_, border_, product_, second_, change_;
  std::vector<int> scratch_;
  Inverse inverse_;
};

}  // namespace portfolio::active
