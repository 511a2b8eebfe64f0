#include "lanes.hpp"
#include "series_sums.hpp"

namespace {

using portfolio::Centre;

constexpr std::size_t kChains = 8, kLanes = kRegister / sizeof(double), kVectors = kChains / kLanes;

template <class V>
PORTFOLIO_INLINE V at(const double* x, std::size_t t) {
  return load<V>(x + t);
}
template <class V>
PORTFOLIO_INLINE V larger(V a, V b) {
  return a > b ? a : b;
}
template <class V>
PORTFOLIO_INLINE V smaller(V a, V b) {
  return a < b ? a : b;
}
template <class V>
PORTFOLIO_INLINE V magnitude(V a) {
  return larger(a, -a);
}
PORTFOLIO_INLINE double one_where_positive(double a) { return a > 0.0 ? 1.0 : 0.0; }
PORTFOLIO_INLINE F64 one_where_positive(F64 a) { return a > 0.0 ? all<F64>(1.0) : F64{}; }

PORTFOLIO_INLINE double of(Centre c, double x) { return x - c.first - c.shift; }
PORTFOLIO_INLINE F64 of(Centre c, F64 x) { return x - c.first - c.shift; }

PORTFOLIO_INLINE double add(double a, double b) { return a + b; }
PORTFOLIO_INLINE double most(double a, double b) { return a > b ? a : b; }
PORTFOLIO_INLINE double least(double a, double b) { return a < b ? a : b; }
PORTFOLIO_INLINE double product(double a, double b) { return a * b; }

template <class Join>
PORTFOLIO_INLINE double joined(const double* c, Join join) {
  return join(join(join(c[0], c[4]), join(c[2], c[6])), join(join(c[1], c[5]), join(c[3], c[7])));
}

// K values in each of eight chains: step(V{}, t, values) takes the observations from t on into its K values.
template <std::size_t K, class Step>
PORTFOLIO_INLINE void run(std::size_t count, double start, double (&chains)[K][kChains], Step step) {
  F64 values[kVectors][K];
  for (std::size_t w = 0; w < kVectors; ++w) {
    for (std::size_t k = 0; k < K; ++k) values[w][k] = all<F64>(start);
  }
  std::size_t t = 0;
  for (; t + kChains <= count; t += kChains) {
    for (std::size_t w = 0; w < kVectors; ++w) step(F64{}, t + w * kLanes, values[w]);
  }
  for (std::size_t w = 0; w < kVectors; ++w) {
    for (std::size_t k = 0; k < K; ++k) store(&chains[k][w * kLanes], values[w][k]);
  }
  for (std::size_t l = 0; t + l < count; ++l) {
    double one[K];
    for (std::size_t k = 0; k < K; ++k) one[k] = chains[k][l];
    step(0.0, t + l, one);
    for (std::size_t k = 0; k < K; ++k) chains[k][l] = one[k];
  }
}

double shift(const double* x, std::size_t count, double first) {
  double c[1][kChains];
  run(count, 0.0, c, [=](auto v, std::size_t t, auto* sum) { sum[0] += at<decltype(v)>(x, t) - first; });
  return joined(c[0], add);
}

portfolio::Powers powers(const double* x, std::size_t count, Centre own) {
  double c[4][kChains];
  run(count, 0.0, c, [=](auto v, std::size_t t, auto* sum) {
    const auto d = of(own, at<decltype(v)>(x, t)), square = d * d;
    sum[0] += square;
    sum[1] += square * d;
    sum[2] += square * square;
    sum[3] += magnitude(d);
  });
  return {joined(c[0], add), joined(c[1], add), joined(c[2], add), joined(c[3], add)};
}

// In three rounds: as many chains as stay in registers.
portfolio::Sides sides(const double* x, std::size_t count, double rate) {
  double own[3][kChains], excess[3][kChains], best[1][kChains], worst[1][kChains];
  run(count, 0.0, own, [=](auto v, std::size_t t, auto* sum) {
    const auto r = at<decltype(v)>(x, t);
    sum[0] += larger(r, decltype(v){});
    sum[1] += larger(-r, decltype(v){});
    sum[2] += one_where_positive(r);
  });
  run(count, 0.0, excess, [=](auto v, std::size_t t, auto* sum) {
    const auto e = at<decltype(v)>(x, t) - rate, loss = larger(-e, decltype(v){});
    sum[0] += larger(e, decltype(v){});
    sum[1] += loss;
    sum[2] += loss * loss;
  });
  run(count, x[0], best, [=](auto v, std::size_t t, auto* top) { top[0] = larger(top[0], at<decltype(v)>(x, t)); });
  run(count, x[0], worst, [=](auto v, std::size_t t, auto* low) { low[0] = smaller(low[0], at<decltype(v)>(x, t)); });
  return {joined(own[0], add),    joined(own[1], add), joined(excess[0], add), joined(excess[1], add),
          joined(excess[2], add), joined(own[2], add), joined(best[0], most),  joined(worst[0], least)};
}

portfolio::Together together(const double* x, const double* b, std::size_t count, Centre own, Centre market) {
  double c[2][kChains];
  const double first = x[0] - b[0];
  run(count, 0.0, c, [=](auto v, std::size_t t, auto* sum) {
    const auto r = at<decltype(v)>(x, t), s = at<decltype(v)>(b, t);
    sum[0] += r - s - first;
    sum[1] += of(own, r) * of(market, s);
  });
  return {joined(c[0], add), joined(c[1], add)};
}

double active(const double* x, const double* b, std::size_t count, Centre difference) {
  double c[1][kChains];
  run(count, 0.0, c, [=](auto v, std::size_t t, auto* sum) {
    const auto d = of(difference, at<decltype(v)>(x, t) - at<decltype(v)>(b, t));
    sum[0] += d * d;
  });
  return joined(c[0], add);
}

double residual(const double* x, const double* b, std::size_t count, Centre own, Centre market, double beta) {
  double c[1][kChains];
  run(count, 0.0, c, [=](auto v, std::size_t t, auto* sum) {
    const auto e = of(own, at<decltype(v)>(x, t)) - beta * of(market, at<decltype(v)>(b, t));
    sum[0] += e * e;
  });
  return joined(c[0], add);
}

PORTFOLIO_INLINE double kept(double sign, double x) { return sign > 0.0 ? x : 0.0; }
PORTFOLIO_INLINE F64 kept(F64 sign, F64 x) { return sign > 0.0 ? x : F64{}; }

void growth(const double* x, const double* b, std::size_t count, double* up, double* down) {
  double c[2][kChains];
  run(count, 1.0, c, [=](auto v, std::size_t t, auto* grown) {
    const auto r = at<decltype(v)>(x, t), s = at<decltype(v)>(b, t);
    grown[0] *= 1.0 + kept(s, r);
    grown[1] *= 1.0 + kept(-s, r);
  });
  *up = joined(c[0], product);
  *down = joined(c[1], product);
}

// Every value goes where as many are smaller; equal ones leave gaps behind the first, which it fills.
void sort(const double* values, std::size_t count, double* sorted) {
  alignas(64) double padded[portfolio::kFewValues + kLanes];
  const std::size_t room = (count + kLanes - 1) / kLanes * kLanes;
  for (std::size_t k = 0; k < count; ++k) padded[k] = values[k];
  for (std::size_t k = count; k < room; ++k) padded[k] = __builtin_huge_val();
  for (std::size_t k = 0; k < count; ++k) sorted[k] = __builtin_nan("");
  for (std::size_t k = 0; k < count; k += kLanes) {
    const F64 own = load<F64>(padded + k);
    I64 smaller{};
    for (std::size_t j = 0; j < count; ++j) smaller -= all<F64>(padded[j]) < own;  // -1 for yes
    for (std::size_t l = 0; l < kLanes && k + l < count; ++l) sorted[smaller[l]] = padded[k + l];
  }
  for (std::size_t k = 1; k < count; ++k) sorted[k] = sorted[k] == sorted[k] ? sorted[k] : sorted[k - 1];
}

}  // namespace

namespace portfolio::PORTFOLIO_LEVEL {

const SeriesKernels series_kernels{&shift, &powers, &sides, &together, &active, &residual, &growth, &sort};

}  // namespace portfolio::PORTFOLIO_LEVEL
