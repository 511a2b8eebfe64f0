#include "qp_problem.hpp"

#include <algorithm>
#include <cmath>

#include "psd_factor.hpp"

namespace portfolio::qp {
namespace {

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// A certificate must cancel to this share of the terms it adds up, and its value must exceed that share.
constexpr double kCertificateTolerance = 1e-9;
// A certificate must rule out violations of this size and, up to what does not cancel, points of this size.
constexpr double kMargin = 1e-9;
constexpr double kReach = 1e6;

Mat copy(MatrixView m, Eigen::Index cols) {
  if (!m) return Mat::Zero(0, cols);
  return Eigen::Map<const RowMajor>(m.data, static_cast<Eigen::Index>(m.rows), static_cast<Eigen::Index>(m.cols));
}

Vec copy(VectorView v, Eigen::Index size, double missing) {
  if (!v) return Vec::Constant(size, missing);
  return Eigen::Map<const Vec>(v.data, static_cast<Eigen::Index>(v.size));
}

// As much of minus the gradient as |z_trade| <= limit allows; all of the limit, in one direction, where a bound forbids
// what is held.
Vec trade_part(const Problem& p, const Vec& gradient, const Vec& limit) {
  Vec out = (-gradient).cwiseMin(limit).cwiseMax(-limit);
  for (Eigen::Index j = 0; j < p.n(); ++j) {
    if (p.held[j] > p.ub[j]) out[j] = -limit[j];
    if (p.held[j] < p.lb[j]) out[j] = limit[j];
  }
  return out;
}

double largest(const Vec& v) { return v.size() == 0 ? 0.0 : v.lpNorm<Eigen::Infinity>(); }

// B F B' + diag(D) with V = B times the factor of F.
Quadratic factored(const FactorView& f, const char* function) {
  Mat V = copy(f.B, 0);
  if (f.F) {
    const Matrix root = psd_factor(f.F, function, "factor_covariance");
    V = V * Eigen::Map<const RowMajor>(root.data.data(), static_cast<Eigen::Index>(root.rows),
                                       static_cast<Eigen::Index>(root.cols));
  }
  Vec rest = copy(f.D, V.rows(), 0.0);
  return {std::move(rest), std::move(V)};
}

// Row-major and symmetric but for rounding: read as it lies, its transpose is itself.
Quadratic symmetric(MatrixView m) {
  const Eigen::Map<const Mat> P(m.data, static_cast<Eigen::Index>(m.rows), static_cast<Eigen::Index>(m.cols));
  return Mat(0.5 * (P + P.transpose()));
}

// What multipliers with z >= 0 prove: every x has `value` >= (A'y + G'z + z_box + z_trade)'x minus what x violates.
struct Proof {
  Vec z_box, z_trade, added;  // z_box from the bounds that exist; sums of absolute terms
  double value = 0.0, terms = 0.0, rest = 0.0;
};

Proof prove(const Problem& p, const Vec& y, const Vec& z, double turnover_dual) {
  Proof out;
  const Vec combined = p.A.transpose() * y + p.G.transpose() * z;
  out.added = p.A.cwiseAbs().transpose() * y.cwiseAbs() + p.G.cwiseAbs().transpose() * z.cwiseAbs();
  out.value = p.b.dot(y);
  out.terms = p.b.cwiseAbs().dot(y.cwiseAbs());
  out.z_trade = Vec::Zero(p.n());
  if (turnover_dual > 0.0 && std::isfinite(p.turnover)) {
    out.z_trade = trade_part(p, combined, Vec::Constant(p.n(), turnover_dual));
    out.added += out.z_trade.cwiseAbs();
    out.value += p.held.dot(out.z_trade) + p.turnover * turnover_dual;
    out.terms += p.held.cwiseAbs().dot(out.z_trade.cwiseAbs()) + p.turnover * turnover_dual;
  }
  out.z_box = box_duals(p, combined + out.z_trade);
  out.rest = largest(combined + out.z_trade + out.z_box);
  for (Eigen::Index i = 0; i < p.h.size(); ++i) {
    if (z[i] == 0.0) continue;
    out.value += p.h[i] * z[i];
    out.terms += std::fabs(p.h[i] * z[i]);
  }
  for (Eigen::Index j = 0; j < p.n(); ++j) {
    if (out.z_box[j] == 0.0) continue;
    const double bound = out.z_box[j] > 0.0 ? p.ub[j] : p.lb[j];
    out.value += out.z_box[j] * bound;
    out.terms += out.added[j] * std::fabs(bound);  // z_box is a difference: its rounding counts, not its size
  }
  return out;
}

}  // namespace

double Residuals::worst() const { return std::max({primal, dual, gap}); }

Problem copy_problem(const QpProblem& v, const char* function) {
  Problem p;
  p.q = copy(v.q, 0, 0.0);
  const Eigen::Index n = p.q.size();
  p.P = v.factors.B ? factored(v.factors, function) : (v.P ? symmetric(v.P) : Quadratic::zero(n));
  p.G = copy(v.G, n);
  p.h = copy(v.h, 0, 0.0);
  p.A = copy(v.A, n);
  p.b = copy(v.b, 0, 0.0);
  p.lb = copy(v.lb, n, -kInfinity);
  p.ub = copy(v.ub, n, kInfinity);
  p.h = (p.h.array() >= kHuge).select(kInfinity, p.h);
  p.lb = (p.lb.array() <= -kHuge).select(-kInfinity, p.lb);
  p.ub = (p.ub.array() >= kHuge).select(kInfinity, p.ub);
  p.turnover = v.turnover >= kHuge ? kInfinity : v.turnover;
  if (v.held) {
    p.held = copy(v.held, n, 0.0);
    p.cost = copy(v.cost, n, 0.0);
  }
  return p;
}

Vec trade_duals(const Problem& p, const Vec& gradient, double turnover_dual) {
  return trade_part(p, gradient, Vec(p.cost.array() + turnover_dual));
}

Vec box_duals(const Problem& p, const Vec& gradient) {
  Vec z_box = -gradient;
  for (Eigen::Index j = 0; j < p.n(); ++j) {
    const bool supported = z_box[j] > 0.0 ? std::isfinite(p.ub[j]) : std::isfinite(p.lb[j]);
    if (!supported) z_box[j] = 0.0;
  }
  return z_box;
}

Residuals measure(const Problem& p, const Solution& s) {
  const Vec Px = p.P * s.x, Ax = p.A * s.x, Gx = p.G * s.x;
  const Vec Aty = p.A.transpose() * s.y, Gtz = p.G.transpose() * s.z;
  Residuals r;
  r.objective = 0.5 * s.x.dot(Px) + p.q.dot(s.x);
  double violation = largest(Ax - p.b), size = std::max({largest(Ax), largest(Gx), largest(p.b)});
  double negative = 0.0, complementarity = 0.0, dual_terms = p.b.dot(s.y);
  for (Eigen::Index i = 0; i < p.h.size(); ++i) {
    if (!std::isfinite(p.h[i])) continue;
    violation = std::max(violation, Gx[i] - p.h[i]);
    size = std::max(size, std::fabs(p.h[i]));
    negative = std::max(negative, -s.z[i]);
    complementarity = std::max(complementarity, std::fabs(s.z[i] * (p.h[i] - Gx[i])));
    dual_terms += p.h[i] * s.z[i];
  }
  Vec z_box = s.z_box;
  for (Eigen::Index j = 0; j < p.n(); ++j) {
    violation = std::max({violation, p.lb[j] - s.x[j], s.x[j] - p.ub[j]});
    const double bound = z_box[j] > 0.0 ? p.ub[j] : p.lb[j];
    if (z_box[j] == 0.0) continue;
    if (!std::isfinite(bound)) {
      negative = std::max(negative, std::fabs(z_box[j]));
      continue;
    }
    complementarity = std::max(complementarity, std::fabs(z_box[j] * (bound - s.x[j])));
    dual_terms += bound * z_box[j];
  }
  Vec z_trade = Vec::Zero(p.n());
  if (p.held.size() > 0) {
    if (s.z_trade.size() > 0) z_trade = s.z_trade;
    const Vec traded = s.x - p.held, price = p.cost.array() + s.turnover_dual;
    const double turnover = traded.lpNorm<1>(), paid = p.cost.dot(traded.cwiseAbs());
    r.objective += paid;
    dual_terms += paid + p.held.dot(z_trade);
    negative = std::max({negative, -s.turnover_dual, (z_trade.cwiseAbs() - price).maxCoeff()});
    complementarity =
        std::max(complementarity, largest(price.cwiseProduct(traded.cwiseAbs()) - z_trade.cwiseProduct(traded)));
    if (std::isfinite(p.turnover)) {
      violation = std::max(violation, turnover - p.turnover);
      size = std::max({size, turnover, p.turnover});
      complementarity = std::max(complementarity, std::fabs(s.turnover_dual * (p.turnover - turnover)));
      dual_terms += s.turnover_dual * p.turnover;
    } else {
      negative = std::max(negative, std::fabs(s.turnover_dual));
    }
  }
  const double dual_size = std::max({largest(Px), largest(p.q), largest(Aty), largest(Gtz)});
  r.primal = violation / (1.0 + size);
  r.dual = std::max(largest(Px + p.q + Aty + Gtz + z_box + z_trade), negative) / (1.0 + dual_size);
  const double gap = std::fabs(s.x.dot(Px) + p.q.dot(s.x) + dual_terms);
  r.gap = std::max(gap, complementarity) / (1.0 + std::fabs(r.objective));
  if (!std::isfinite(r.primal + r.dual + r.gap)) r.primal = r.dual = r.gap = kInfinity;
  return r;
}

bool excludes_points(const Problem& p, const Solution& c) {
  const Proof proof = prove(p, c.y, c.z, c.turnover_dual);
  const double gain = -proof.value;
  return gain > kMargin * (c.y.lpNorm<1>() + c.z.lpNorm<1>()) && gain > kReach * proof.rest;
}

bool excludes_duals(const Problem& p, const Solution& c) {
  const double gain = -p.q.dot(c.x);
  return gain > kMargin * c.x.lpNorm<1>() && gain > kReach * std::max(largest(p.P * c.x), largest(p.A * c.x));
}

bool confirm_primal_infeasible(const Problem& p, Solution& c) {
  c.x = Vec::Zero(p.n());
  c.z = (p.h.array() < kInfinity).select(c.z.cwiseMax(0.0), 0.0);
  c.turnover_dual = std::max(c.turnover_dual, 0.0);
  const Proof proof = prove(p, c.y, c.z, c.turnover_dual);
  c.z_box = proof.z_box;
  c.z_trade = proof.z_trade;
  if (!std::isfinite(proof.value) || !(-proof.value > kCertificateTolerance * proof.terms)) return false;
  if (proof.rest > kCertificateTolerance * largest(proof.added)) return false;
  c.y /= -proof.value;
  c.z /= -proof.value;
  c.z_box /= -proof.value;
  c.z_trade /= -proof.value;
  c.turnover_dual /= -proof.value;
  return true;
}

bool confirm_dual_infeasible(const Problem& p, Solution& c) {
  Vec& x = c.x;
  for (Eigen::Index j = 0; j < p.n(); ++j) {
    if (std::isfinite(p.lb[j])) x[j] = std::max(x[j], 0.0);
    if (std::isfinite(p.ub[j])) x[j] = std::min(x[j], 0.0);
  }
  const Vec size = x.cwiseAbs();
  if (std::isfinite(p.turnover) && size.maxCoeff() > 0.0) return false;
  const double slope = p.q.dot(x) + (p.cost.size() > 0 ? p.cost.dot(size) : 0.0);
  if (!std::isfinite(slope) || !(-slope > kCertificateTolerance * p.q.cwiseAbs().dot(size))) return false;
  if (largest(p.P * x) > kCertificateTolerance * largest(p.P.absolute_times(size))) return false;
  if (largest(p.A * x) > kCertificateTolerance * largest(p.A.cwiseAbs() * size)) return false;
  const Vec Gx = (p.h.array() < kInfinity).select(p.G * x, 0.0);
  if (p.h.size() > 0 && Gx.maxCoeff() > kCertificateTolerance * largest(p.G.cwiseAbs() * size)) return false;
  x /= -slope;
  c.y = Vec::Zero(p.b.size());
  c.z = Vec::Zero(p.h.size());
  c.z_box = c.z_trade = Vec::Zero(p.n());
  c.turnover_dual = 0.0;
  return true;
}

}  // namespace portfolio::qp
