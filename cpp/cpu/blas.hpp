// The few BLAS and LAPACK operations the kernels use, column-major. Implemented by OpenBLAS or Accelerate
// (blas_lapack.cpp) or by Eigen alone (blas_eigen.cpp). BLAS runs on one thread; ours split the work above it.
#pragma once

#include <string>

namespace portfolio::blas {

std::string name();

// C (n x n, both triangles) = alpha * A'A for A (k x n), leading dimension k.
void syrk(int n, int k, double alpha, const double* A, double* C);

// Lower triangle of C (n x n) = alpha * A A' + beta * C for A (n x k).
void syrk_lower(int n, int k, double alpha, const double* A, int lda, double beta, double* C, int ldc);

// C (m x n) = alpha * op(A) op(B) + beta * C.
void gemm(bool transpose_a, bool transpose_b, int m, int n, int k, double alpha, const double* A, int lda,
          const double* B, int ldb, double beta, double* C, int ldc);
void gemm(bool transpose_a, bool transpose_b, int m, int n, int k, float alpha, const float* A, int lda, const float* B,
          int ldb, float beta, float* C, int ldc);

// Lower Cholesky factor in place; returns 0, or the 1-based column where it broke down.
int potrf(int n, double* A, int lda);
// Solve with the factor of potrf, right-hand sides in place.
void potrs(int n, int nrhs, const double* L, int lda, double* B, int ldb);

// Eigenvalues ascending in w, eigenvectors as columns over A (n x n), which is used up without; returns 0 on success.
int syevd(int n, double* A, double* w, bool vectors = true);

}  // namespace portfolio::blas
