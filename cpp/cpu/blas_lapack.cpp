#include <vector>

#include "blas.hpp"

// Fortran symbols: the OpenBLAS wheel prefixes them with scipy_.
#ifdef PORTFOLIO_OPENBLAS
#define BLAS(symbol) scipy_##symbol##_
#else
#define BLAS(symbol) symbol##_
#endif

extern "C" {
void BLAS(dsyrk)(const char*, const char*, const int*, const int*, const double*, const double*, const int*,
                 const double*, double*, const int*);
void BLAS(dgemm)(const char*, const char*, const int*, const int*, const int*, const double*, const double*, const int*,
                 const double*, const int*, const double*, double*, const int*);
void BLAS(sgemm)(const char*, const char*, const int*, const int*, const int*, const float*, const float*, const int*,
                 const float*, const int*, const float*, float*, const int*);
void BLAS(dpotrf)(const char*, const int*, double*, const int*, int*);
void BLAS(dpotrs)(const char*, const int*, const int*, const double*, const int*, double*, const int*, int*);
void BLAS(dsyevd)(const char*, const char*, const int*, double*, const int*, double*, double*, const int*, int*,
                  const int*, int*);
#ifdef PORTFOLIO_OPENBLAS
void scipy_openblas_set_num_threads(int);
#endif
}

namespace portfolio::blas {
namespace {

#ifdef PORTFOLIO_OPENBLAS
const bool one_thread = [] {
  scipy_openblas_set_num_threads(1);
  return true;
}();
#endif

}  // namespace

std::string name() {
#ifdef PORTFOLIO_OPENBLAS
  return one_thread ? "OpenBLAS" : "";
#else
  return "Accelerate";
#endif
}

void syrk(int n, int k, double alpha, const double* a, double* c) {
  const double zero = 0.0;
  BLAS(dsyrk)("L", "T", &n, &k, &alpha, a, &k, &zero, c, &n);
  for (int j = 0; j < n; ++j) {
    for (int i = j + 1; i < n; ++i) c[j + static_cast<long>(i) * n] = c[i + static_cast<long>(j) * n];
  }
}

void syrk_lower(int n, int k, double alpha, const double* a, int lda, double beta, double* c, int ldc) {
  BLAS(dsyrk)("L", "N", &n, &k, &alpha, a, &lda, &beta, c, &ldc);
}

void gemm(bool ta, bool tb, int m, int n, int k, double alpha, const double* a, int lda, const double* b, int ldb,
          double beta, double* c, int ldc) {
  BLAS(dgemm)(ta ? "T" : "N", tb ? "T" : "N", &m, &n, &k, &alpha, a, &lda, b, &ldb, &beta, c, &ldc);
}

void gemm(bool ta, bool tb, int m, int n, int k, float alpha, const float* a, int lda, const float* b, int ldb,
          float beta, float* c, int ldc) {
  BLAS(sgemm)(ta ? "T" : "N", tb ? "T" : "N", &m, &n, &k, &alpha, a, &lda, b, &ldb, &beta, c, &ldc);
}

int potrf(int n, double* a, int lda) {
  int info = 0;
  BLAS(dpotrf)("L", &n, a, &lda, &info);
  return info;
}

void potrs(int n, int nrhs, const double* l, int lda, double* b, int ldb) {
  int info = 0;
  BLAS(dpotrs)("L", &n, &nrhs, l, &lda, b, &ldb, &info);
}

int syevd(int n, double* a, double* w, bool vectors) {
  const char* const job = vectors ? "V" : "N";
  int info = 0, lwork = -1, liwork = -1, iwork_size = 0;
  double work_size = 0.0;
  BLAS(dsyevd)(job, "L", &n, a, &n, w, &work_size, &lwork, &iwork_size, &liwork, &info);
  lwork = static_cast<int>(work_size);
  liwork = iwork_size;
  std::vector<double> work(static_cast<std::size_t>(lwork));
  std::vector<int> iwork(static_cast<std::size_t>(liwork));
  BLAS(dsyevd)(job, "L", &n, a, &n, w, work.data(), &lwork, iwork.data(), &liwork, &info);
  return info;
}

}  // namespace portfolio::blas
