// Code for one instruction level of the processor. Every cpu/*_simd.cpp is compiled once for each level with
// PORTFOLIO_LEVEL defined as its name (cmake/Simd.cmake), and defines a constant table of its functions:
//
//   struct DotKernels { double (*dot)(const double*, const double*, std::size_t); };       // dot.hpp
//   PORTFOLIO_SIMD_TABLE(DotKernels, dot_kernels)                                           // dot.hpp
//   namespace portfolio::PORTFOLIO_LEVEL { const DotKernels dot_kernels{&dot}; }            // dot_simd.cpp
//   const DotKernels& kernels = PORTFOLIO_SIMD_CHOOSE(dot_kernels);                         // caller
//
// Such a source calls no inline function of a library (std::max, std::vector): the linker keeps one copy of each for
// all levels, perhaps one that the processor cannot execute. Its own functions stand in an anonymous namespace. A test
// looks. Contraction is off there too: write fma, or set COMPILE_OPTIONS -ffp-contract=fast where bits may differ by
// level.
#pragma once

namespace portfolio {

enum class SimdLevel { baseline, avx2, avx512 };

// The best level of this processor, or the one that the environment's PORTFOLIO_SIMD names (baseline, avx2, avx512);
// read once. Throws std::invalid_argument for one that is absent.
SimdLevel simd_level();

#if defined(__x86_64__)
// Where a table of each level is declared, and the choice between them.
#define PORTFOLIO_SIMD_TABLE(Table, name) \
  namespace portfolio::baseline {         \
  extern const Table name;                \
  }                                       \
  namespace portfolio::avx2 {             \
  extern const Table name;                \
  }                                       \
  namespace portfolio::avx512 {           \
  extern const Table name;                \
  }
#define PORTFOLIO_SIMD_CHOOSE(name) \
  (portfolio::choose_level(portfolio::baseline::name, portfolio::avx2::name, portfolio::avx512::name))

template <class Table>
const Table& choose_level(const Table& baseline, const Table& avx2, const Table& avx512) {
  const SimdLevel level = simd_level();
  return level == SimdLevel::avx512 ? avx512 : level == SimdLevel::avx2 ? avx2 : baseline;
}
#else
#define PORTFOLIO_SIMD_TABLE(Table, name) \
  namespace portfolio::baseline {         \
  extern const Table name;                \
  }
#define PORTFOLIO_SIMD_CHOOSE(name) (portfolio::choose_level(portfolio::baseline::name))

template <class Table>
const Table& choose_level(const Table& baseline) {
  simd_level();  // PORTFOLIO_SIMD is checked here too
  return baseline;
}
#endif

}  // namespace portfolio
