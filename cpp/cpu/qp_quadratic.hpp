// The matrix of a quadratic objective: dense, or a diagonal plus factors, V V' + diag(d), for which no n x n matrix is
// ever formed. Two variables that are the ups and downs of one (qp_split) share their diagonal entry with a minus sign.
#pragma once

#include <Eigen/Dense>
#include <vector>

namespace portfolio::qp {

using Vec = Eigen::VectorXd;
using Mat = Eigen::MatrixXd;
using Indices = std::vector<Eigen::Index>;

class Quadratic {
 public:
  Quadratic() = default;
  // A dense matrix without an entry off its diagonal is kept as its diagonal.
  Quadratic(Mat matrix);  // converts: a matrix is one
  Quadratic(Vec diagonal, Mat V);
  static Quadratic zero(Eigen::Index n) { return {Vec::Zero(n), Mat::Zero(n, 0)}; }

  Eigen::Index size() const { return dense_ ? matrix_.rows() : diagonal_.size(); }
  bool is_dense() const { return dense_; }
  bool is_zero() const;
  Vec diagonal() const;
  Vec operator*(const Vec& x) const;
  // |P| x for x >= 0, or more.
  Vec absolute_times(const Vec& x) const;
  Mat dense() const;
  Mat dense(const Indices& chosen) const;
  Quadratic at(const Indices& chosen) const;
  // Variables `from` seen `sign` times: entry (i, j) is sign_i sign_j P(from_i, from_j).
  Quadratic mirrored(const Indices& from, const Vec& sign) const;
  void scale(const Vec& column);  // diag(column) P diag(column)
  void operator*=(double factor);

  // When dense.
  const Mat& matrix() const { return matrix_; }
  // When not: V, the part of the diagonal that V does not have, and for each variable its mirror image (or -1) with the
  // entry between them beside V V'.
  const Mat& V() const { return V_; }
  const Vec& rest() const { return diagonal_; }
  const Indices& mate() const { return mate_; }
  const Vec& between() const { return between_; }

 private:
  bool dense_ = false;
  Mat matrix_, V_ = Mat::Zero(0, 0);
  Vec diagonal_;
  Indices mate_;  // empty when there are none
  Vec between_;
};

}  // namespace portfolio::qp
