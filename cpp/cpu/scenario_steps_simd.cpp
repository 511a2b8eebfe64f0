#include "lanes.hpp"
#include "scenario_steps.hpp"

namespace {

using portfolio::FactorTile;
using portfolio::kStrip;

#if defined(__x86_64__) && !defined(__FMA__)
template <class V>
PORTFOLIO_INLINE V add_product(V a, V b, V c) {
  return a * b + c;  // in two roundings: the fused one would be a function call
}
#else
template <class V>
PORTFOLIO_INLINE V add_product(V a, V b, V c) {
  return fma(a, b, c);
}
#endif

template <class T>
using Vector = typename VectorOf<T>::Type;
template <class T>
constexpr std::size_t kLanes = kRegister / sizeof(T);

template <class T, std::size_t Rows>
void tile_returns(const FactorTile<T>& tile, const T* z, T* out) {
  using V = Vector<T>;
  constexpr std::size_t kWide = 2;  // vectors of paths
  for (std::size_t p = 0; p < kStrip; p += kWide * kLanes<T>) {
    V sum[Rows][kWide];
    for (std::size_t r = 0; r < Rows; ++r) {
      for (std::size_t w = 0; w < kWide; ++w) sum[r][w] = all<V>(tile.mean[r]);
    }
    std::size_t k = 0;
#pragma GCC unroll 6
    for (std::size_t top = 0; top < Rows; ++top) {  // rows before `top` have no more entries
      for (; k < tile.length[top]; ++k) {
        const V first = load<V>(z + k * kStrip + p), second = load<V>(z + k * kStrip + p + kLanes<T>);
#pragma GCC unroll 6
        for (std::size_t r = top; r < Rows; ++r) {
          const V entry = all<V>(tile.entries[k * Rows + r]);
          sum[r][0] = add_product(entry, first, sum[r][0]);
          sum[r][1] = add_product(entry, second, sum[r][1]);
        }
      }
    }
    for (std::size_t r = 0; r < Rows; ++r) {
      for (std::size_t w = 0; w < kWide; ++w) store(out + tile.asset[r] * kStrip + p + w * kLanes<T>, sum[r][w]);
    }
  }
}

template <class T>
void returns(const FactorTile<T>* tiles, std::size_t count, const T* z, T* out) {
  static_assert(portfolio::kTileRows == 6);
  constexpr void (*kernels[])(const FactorTile<T>&, const T*, T*) = {&tile_returns<T, 1>, &tile_returns<T, 2>,
                                                                     &tile_returns<T, 3>, &tile_returns<T, 4>,
                                                                     &tile_returns<T, 5>, &tile_returns<T, 6>};
  for (std::size_t t = 0; t < count; ++t) kernels[tiles[t].rows - 1](tiles[t], z, out);
}

template <class T>
void spread(const T* chi_squared, T degrees, std::size_t rows, T* z) {
  using V = Vector<T>;
  for (std::size_t p = 0; p < kStrip; p += kLanes<T>) {
    const V deviation = root((degrees - T(2)) / load<V>(chi_squared + p));  // unit variance
    for (std::size_t k = 0; k < rows; ++k) store(z + k * kStrip + p, load<V>(z + k * kStrip + p) * deviation);
  }
}

// Returns as doubles.
PORTFOLIO_INLINE F64 wide(const double* from) { return load<F64>(from); }
PORTFOLIO_INLINE F64 wide(const float* from) {
  using Half = float __attribute__((vector_size(kRegister / 2)));
  return __builtin_convertvector(load<Half>(from), F64);
}

constexpr std::size_t kSums = 4;  // vectors of paths that are summed together

template <class T>
void rebalance(const double* weights, std::size_t n, const T* returns, double* value) {
  constexpr std::size_t kStep = kSums * kLanes<double>;
  for (std::size_t p = 0; p < kStrip; p += kStep) {
    F64 earned[kSums] = {};
    for (std::size_t i = 0; i < n; ++i) {
      const F64 weight = all<F64>(weights[i]);
      for (std::size_t w = 0; w < kSums; ++w) {
        earned[w] = add_product(weight, wide(returns + i * kStrip + p + w * kLanes<double>), earned[w]);
      }
    }
    for (std::size_t w = 0; w < kSums; ++w) {
      double* to = value + p + w * kLanes<double>;
      store(to, load<F64>(to) * (1.0 + earned[w]));
    }
  }
}

template <class T>
void grow(std::size_t n, const T* returns, double* growth) {
  for (std::size_t k = 0; k < n * kStrip; k += kLanes<double>) {
    store(growth + k, load<F64>(growth + k) * (1.0 + wide(returns + k)));
  }
}

void hold(const double* weights, std::size_t n, const double* growth, double start, double* value) {
  constexpr std::size_t kStep = kSums * kLanes<double>;
  for (std::size_t p = 0; p < kStrip; p += kStep) {
    F64 earned[kSums] = {};
    for (std::size_t i = 0; i < n; ++i) {
      const F64 weight = all<F64>(weights[i]);
      for (std::size_t w = 0; w < kSums; ++w) {
        earned[w] = add_product(weight, load<F64>(growth + i * kStrip + p + w * kLanes<double>) - 1.0, earned[w]);
      }
    }
    for (std::size_t w = 0; w < kSums; ++w) store(value + p + w * kLanes<double>, start * (1.0 + earned[w]));
  }
}

void sort_out(const double* values, std::size_t count, const double* low, const double* high, std::size_t brackets,
              std::int64_t* below, std::int64_t* inside) {
  constexpr std::size_t kStep = kSums * kLanes<double>, kSome = 8;  // brackets whose counts stay in registers or beside
  for (std::size_t first = 0; first < brackets; first += kSome) {
    const std::size_t some = brackets - first < kSome ? brackets - first : kSome;
    I64 less[kSome] = {};
    for (std::size_t k = 0; k < count; k += kStep) {
      F64 value[kSums];
      I64 any[kSums] = {};
      for (std::size_t w = 0; w < kSums; ++w) {
        value[w] = load<F64>(values + k + w * kLanes<double>);
        if (first > 0) any[w] = load<I64>(inside + k + w * kLanes<double>);
      }
      for (std::size_t b = 0; b < some; ++b) {
        const F64 under = all<F64>(low[first + b]), over = all<F64>(high[first + b]);
        for (std::size_t w = 0; w < kSums; ++w) {
          less[b] += value[w] < under;  // -1 for yes
          any[w] |= (value[w] >= under) & (value[w] <= over);
        }
      }
      for (std::size_t w = 0; w < kSums; ++w) store(inside + k + w * kLanes<double>, any[w]);
    }
    for (std::size_t b = 0; b < some; ++b) {
      for (std::size_t lane = 0; lane < kLanes<double>; ++lane) below[first + b] -= less[b][lane];
    }
  }
}

}  // namespace

namespace portfolio::PORTFOLIO_LEVEL {

const ScenarioKernels scenario_kernels{{&returns<float>, &spread<float>, &rebalance<float>, &grow<float>, &hold},
                                       {&returns<double>, &spread<double>, &rebalance<double>, &grow<double>, &hold},
                                       &sort_out};

}  // namespace portfolio::PORTFOLIO_LEVEL
