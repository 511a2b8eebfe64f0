# portfolio_simd_sources(TARGET, SOURCES...): TARGET_baseline, _avx2 and _avx512 are objects of the same sources, compiled
# with PORTFOLIO_LEVEL defined as the level and its instructions allowed. x86-64 only; elsewhere there is a baseline.
# cpp/cpu/simd_level.hpp says how such a source is written and how one level is chosen when the library is loaded.
set(portfolio_simd_levels baseline)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  list(APPEND portfolio_simd_levels avx2 avx512)
endif()
set(portfolio_baseline_flags)
set(portfolio_avx2_flags -mavx2 -mfma)
# GCC's own AVX-512 header reads registers that it leaves undefined on purpose.
set(portfolio_avx512_flags -mavx512f -mavx512dq -mavx512vl -mfma -mprefer-vector-width=512
                           $<$<CXX_COMPILER_ID:GNU>:-Wno-uninitialized> $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)

function(portfolio_simd_sources target)
  foreach(level IN LISTS portfolio_simd_levels)
    add_library(${target}_${level} OBJECT ${ARGN})
    target_compile_definitions(${target}_${level} PRIVATE PORTFOLIO_LEVEL=${level})
    target_compile_options(${target}_${level} PRIVATE -fno-math-errno -fno-trapping-math ${portfolio_${level}_flags})
    target_link_libraries(${target}_${level} PRIVATE portfolio_options)
  endforeach()
endfunction()
