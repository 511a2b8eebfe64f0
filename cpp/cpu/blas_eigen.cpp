#include <Eigen/Dense>

#include "blas.hpp"

namespace portfolio::blas {
namespace {

template <class T>
using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;
template <class T>
using Map = Eigen::Map<Matrix<T>, 0, Eigen::OuterStride<>>;
template <class T>
using ConstMap = Eigen::Map<const Matrix<T>, 0, Eigen::OuterStride<>>;

template <class T>
void product(bool ta, bool tb, int m, int n, int k, T alpha, const T* a, int lda, const T* b, int ldb, T beta, T* c,
             int ldc) {
  const ConstMap<T> A(a, ta ? k : m, ta ? m : k, Eigen::OuterStride<>(lda));
  const ConstMap<T> B(b, tb ? n : k, tb ? k : n, Eigen::OuterStride<>(ldb));
  Map<T> C(c, m, n, Eigen::OuterStride<>(ldc));
  if (beta == T(0)) {
    C.setZero();
  } else {
    C *= beta;
  }
  if (ta && tb) {
    C.noalias() += alpha * A.transpose() * B.transpose();
  } else if (ta) {
    C.noalias() += alpha * A.transpose() * B;
  } else if (tb) {
    C.noalias() += alpha * A * B.transpose();
  } else {
    C.noalias() += alpha * A * B;
  }
}

}  // namespace

std::string name() { return "Eigen"; }

void syrk(int n, int k, double alpha, const double* a, double* c) {
  const ConstMap<double> A(a, k, n, Eigen::OuterStride<>(k));
  Map<double> C(c, n, n, Eigen::OuterStride<>(n));
  C.setZero();
  C.selfadjointView<Eigen::Lower>().rankUpdate(A.transpose(), alpha);
  C.triangularView<Eigen::StrictlyUpper>() = C.transpose();
}

void syrk_lower(int n, int k, double alpha, const double* a, int lda, double beta, double* c, int ldc) {
  const ConstMap<double> A(a, n, k, Eigen::OuterStride<>(lda));
  Map<double> C(c, n, n, Eigen::OuterStride<>(ldc));
  if (beta == 0.0) {
    C.triangularView<Eigen::Lower>().setZero();
  } else {
    C.triangularView<Eigen::Lower>() *= beta;
  }
  C.selfadjointView<Eigen::Lower>().rankUpdate(A, alpha);
}

void gemm(bool ta, bool tb, int m, int n, int k, double alpha, const double* a, int lda, const double* b, int ldb,
          double beta, double* c, int ldc) {
  product(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

void gemm(bool ta, bool tb, int m, int n, int k, float alpha, const float* a, int lda, const float* b, int ldb,
          float beta, float* c, int ldc) {
  product(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

int potrf(int n, double* a, int lda) {
  Map<double> A(a, n, n, Eigen::OuterStride<>(lda));
  Eigen::Ref<Matrix<double>, 0, Eigen::OuterStride<>> view(A);
  const Eigen::LLT<decltype(view), Eigen::Lower> factor(view);
  if (factor.info() == Eigen::Success) return 0;
  for (int i = 0; i < n; ++i) {
    if (!(A(i, i) > 0.0)) return i + 1;
  }
  return n;
}

void potrs(int n, int nrhs, const double* l, int lda, double* b, int ldb) {
  const ConstMap<double> L(l, n, n, Eigen::OuterStride<>(lda));
  Map<double> B(b, n, nrhs, Eigen::OuterStride<>(ldb));
  L.triangularView<Eigen::Lower>().solveInPlace(B);
  L.transpose().triangularView<Eigen::Upper>().solveInPlace(B);
}

int syevd(int n, double* a, double* w, bool vectors) {
  Map<double> A(a, n, n, Eigen::OuterStride<>(n));
  const int job = vectors ? Eigen::ComputeEigenvectors : Eigen::EigenvaluesOnly;
  const Eigen::SelfAdjointEigenSolver<Matrix<double>> solver(A, job);
  if (solver.info() != Eigen::Success) return 1;
  Eigen::Map<Eigen::VectorXd>(w, n) = solver.eigenvalues();
  if (vectors) A = solver.eigenvectors();
  return 0;
}

}  // namespace portfolio::blas
