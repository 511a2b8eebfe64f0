#include "qp_interior.hpp"

#include <algorithm>
#include <cmath>

namespace portfolio::qp {
namespace {

using Eigen::Index;

constexpr double kStepFraction = 0.99;
constexpr double kSmallestStep = 1e-7;
constexpr int kPatience = 25;       // iterations without progress
constexpr int kPatienceAtGoal = 3;  // once the residuals are small enough
constexpr double kCertificate = 1e-9;

struct Point {
  Vec x, y, z, s;
  double tau = 1.0, kappa = 1.0;
};

double longest_step(const Vec& v, const Vec& dv) {
  double step = kInfinity;
  for (Index i = 0; i < v.size(); ++i) {
    if (dv[i] < 0.0) step = std::min(step, -v[i] / dv[i]);
  }
  return step;
}

double longest_step(double v, double dv) { return dv < 0.0 ? -v / dv : kInfinity; }

class Interior {
 public:
  Interior(const Problem& problem, const Interrupt& interrupt)
      : p_(problem), interrupt_(interrupt), stack_(problem), kkt_(problem, stack_) {}

  // Least squares where far limits count little, then slacks and multipliers well away from zero.
  bool start() {
    const Index m = stack_.size();
    at_ = {Vec::Zero(p_.n()), Vec::Zero(p_.b.size()), Vec::Ones(m), Vec::Ones(m)};
    const Vec near = stack_.d().cwiseAbs().cwiseMax(1.0).cwiseInverse();
    if (!kkt_.factor(near.cwiseAbs2())) return false;
    kkt_.solve(-p_.q, p_.b, stack_.d(), at_.x, at_.y, at_.z);
    at_.s = stack_.d() - stack_.times(at_.x);
    const double lowest = m == 0 ? 1.0 : at_.s.minCoeff(), least = m == 0 ? 1.0 : at_.z.minCoeff();
    if (lowest < 1e-3) at_.s.array() += 1.0 - lowest;
    if (least < 1e-3) at_.z.array() += 1.0 - least;
    at_.z = at_.z.cwiseProduct(near);
    return at_.x.allFinite();
  }

  // One predictor-corrector step; false when the linear algebra or the step length gives up, or the caller does.
  bool step() {
    const double mu = complementarity();
    Px_ = p_.P * at_.x;
    rx_ = Px_ + p_.A.transpose() * at_.y + stack_.transposed_times(at_.z) + at_.tau * p_.q;
    ry_ = p_.A * at_.x - at_.tau * p_.b;
    rz_ = stack_.times(at_.x) + at_.s - at_.tau * stack_.d();
    rtau_ = at_.kappa + p_.q.dot(at_.x) + p_.b.dot(at_.y) + stack_.d().dot(at_.z) + at_.x.dot(Px_) / at_.tau;
    if (!kkt_.factor(at_.z.cwiseQuotient(at_.s)) || interrupt_.requested()) return false;
    kkt_.solve(-p_.q, p_.b, stack_.d(), constant_.x, constant_.y, constant_.z);
    slope_ = p_.q + (2.0 / at_.tau) * Px_;
    // The step of tau divides by this, written as a sum of terms of one sign.
    const Vec offset = constant_.x - at_.x / at_.tau, weighted = constant_.z.cwiseProduct(at_.s).cwiseQuotient(at_.z);
    divisor_ = offset.dot(p_.P * offset) + at_.kappa / at_.tau + weighted.dot(constant_.z);
    Point affine, combined;
    direction(0.0, at_.s.cwiseProduct(at_.z), at_.tau * at_.kappa, affine);
    const double reach = std::min(1.0, step_length(affine));
    const double sigma = std::pow(1.0 - reach, 3);
    const Vec centred =
        at_.s.cwiseProduct(at_.z) + affine.s.cwiseProduct(affine.z) - Vec::Constant(at_.s.size(), sigma * mu);
    direction(sigma, centred, at_.tau * at_.kappa + affine.tau * affine.kappa - sigma * mu, combined);
    const double length = std::min(1.0, kStepFraction * step_length(combined));
    if (!(length > kSmallestStep) || !combined.x.allFinite()) return false;
    at_.x += length * combined.x;
    at_.y += length * combined.y;
    at_.z += length * combined.z;
    at_.s += length * combined.s;
    at_.tau += length * combined.tau;
    at_.kappa += length * combined.kappa;
    rescale();
    return true;
  }

  InteriorPoint point() const {
    InteriorPoint out;
    out.at = scaled_by(1.0 / at_.tau);
    out.slack = at_.s.head(p_.h.size()) / at_.tau;
    Vec only_bounds = at_.z / at_.tau;
    only_bounds.head(p_.h.size()).setZero();
    const Vec net = stack_.box(only_bounds), total = stack_.bound_weights(only_bounds);
    out.upper = 0.5 * (total + net);
    out.lower = 0.5 * (total - net);
    out.residuals = measure(p_, out.at);
    return out;
  }
  Solution scaled_by(double factor) const {
    return {factor * at_.x, factor * at_.y, factor * at_.z.head(p_.h.size()), factor * stack_.box(at_.z)};
  }

  // Whether the iterate, scaled to value or slope -1, is a certificate that the caller confirms.
  bool certified(double tolerance, const InteriorCallbacks& accept) const {
    if (at_.kappa < at_.tau) return false;
    const double value = -(p_.b.dot(at_.y) + stack_.d().dot(at_.z)), slope = -p_.q.dot(at_.x);
    if (value > 0.0 && largest(p_.A.transpose() * at_.y + stack_.transposed_times(at_.z)) <= tolerance * value &&
        accept.infeasible(scaled_by(1.0 / value))) {
      return true;
    }
    const double error = std::max({largest(p_.P * at_.x), largest(p_.A * at_.x), largest(stack_.times(at_.x) + at_.s)});
    return slope > 0.0 && error <= tolerance * slope && accept.ray(scaled_by(1.0 / slope));
  }

 private:
  static double largest(const Vec& v) { return v.size() == 0 ? 0.0 : v.lpNorm<Eigen::Infinity>(); }

  double complementarity() const {
    return (at_.s.dot(at_.z) + at_.tau * at_.kappa) / static_cast<double>(at_.s.size() + 1);
  }

  // The embedding is homogeneous: keep its numbers of order one.
  void rescale() {
    const double factor = 1.0 / std::max(at_.tau, at_.kappa);
    if (factor > 1e-2 && factor < 1e2) return;
    for (Vec* v : {&at_.x, &at_.y, &at_.z, &at_.s}) *v *= factor;
    at_.tau *= factor;
    at_.kappa *= factor;
  }

  void direction(double sigma, const Vec& rs, double rkappa, Point& d) const {
    const double keep = 1.0 - sigma;
    kkt_.solve(-keep * rx_, -keep * ry_, -keep * rz_ + rs.cwiseQuotient(at_.z), d.x, d.y, d.z);
    const double tau = at_.tau;
    d.tau = (keep * rtau_ - rkappa / tau + slope_.dot(d.x) + p_.b.dot(d.y) + stack_.d().dot(d.z)) / divisor_;
    d.x += d.tau * constant_.x;
    d.y += d.tau * constant_.y;
    d.z += d.tau * constant_.z;
    d.s = -(rs + at_.s.cwiseProduct(d.z)).cwiseQuotient(at_.z);
    d.kappa = -(rkappa + at_.kappa * d.tau) / tau;
  }

  double step_length(const Point& d) const {
    return std::min({longest_step(at_.z, d.z), longest_step(at_.s, d.s), longest_step(at_.tau, d.tau),
                     longest_step(at_.kappa, d.kappa)});
  }

  const Problem& p_;
  const Interrupt& interrupt_;
  Stack stack_;
  Kkt kkt_;
  Point at_, constant_;
  Vec Px_, slope_, rx_, ry_, rz_;
  double rtau_ = 0.0, divisor_ = 0.0;
};

}  // namespace

InteriorResult interior_point(const Problem& scaled, double ask, double goal, int max_iterations,
                              const InteriorCallbacks& accept, const Interrupt& interrupt) {
  InteriorResult out;
  Interior method(scaled, interrupt);
  if (!method.start()) {
    out.best = method.point();
    return out;
  }
  int since_best = 0;
  for (out.iterations = 0;; ++out.iterations) {
    const InteriorPoint now = method.point();
    const double worst = now.residuals.worst();
    since_best = worst < 0.9 * out.best.residuals.worst() ? 0 : since_best + 1;
    if (out.iterations == 0 || worst < out.best.residuals.worst()) out.best = now;
    if ((worst <= ask && accept.solution(now)) || method.certified(kCertificate, accept)) {
      out.status = InteriorStatus::finished;
      return out;
    }
    if (out.iterations == max_iterations) {
      out.status = InteriorStatus::max_iterations;
      return out;
    }
    if (since_best > (out.best.residuals.worst() <= goal ? kPatienceAtGoal : kPatience)) return out;
    if (interrupt.requested() || !method.step()) {
      if (interrupt.requested()) out.status = InteriorStatus::interrupted;
      return out;
    }
  }
}

}  // namespace portfolio::qp
