// What a shader and its host file share: uint32_t and float only, padded to 16 bytes, the same layout on both sides.
#pragma once
#ifndef __METAL_VERSION__
#include <stdint.h>
#endif

// qp.metal. Offsets count floats from the start of their buffer.
struct QpEntry {
  uint32_t n, p, m;   // variables, equality rows, inequality rows
  uint32_t matrices;  // P (n x n), A (p x n), G (m x n)
  uint32_t inverse;   // (n + p) x (n + p); one after the other for each level where shared
  uint32_t vectors;   // q, lb, ub (n each), b (p), h (m)
  uint32_t state;     // x, z, y (n each), zg, yg (m each), nu (p)
  uint32_t shared;    // 1: the inverses of all levels came from the host
};
static_assert(sizeof(QpEntry) == 32, "shared layout");

struct QpReport {
  uint32_t status;      // 0 running, 1 residuals within the tolerance
  uint32_t iterations;  // so far
  uint32_t level;       // of the penalty, for the next iterations
  uint32_t inverted;    // 1 + the level whose inverse is stored; 0: none
  float primal, dual;   // relative, infinity norms, of the scaled problem
  uint32_t padding[2];
};
static_assert(sizeof(QpReport) == 32, "shared layout");

struct QpParams {
  uint32_t steps, levels;
  float tolerance, relaxation;
};
static_assert(sizeof(QpParams) == 16, "shared layout");

// risk_parity.metal. Offsets as above.
struct RiskParityEntry {
  uint32_t n;
  uint32_t matrix;   // the correlation matrix, n x n
  uint32_t budgets;  // n
  uint32_t state;    // y, n
};
static_assert(sizeof(RiskParityEntry) == 16, "shared layout");

struct RiskParityReport {
  uint32_t sweeps;
  float error;  // largest |y_i (Cy)_i / b_i - 1|
  uint32_t padding[2];
};
static_assert(sizeof(RiskParityReport) == 16, "shared layout");

struct RiskParityParams {
  uint32_t sweeps;
  float tolerance;
  uint32_t padding[2];
};
static_assert(sizeof(RiskParityParams) == 16, "shared layout");

// covariance.metal. Offsets as above.
struct CovarianceEntry {
  uint32_t rows, assets;
  uint32_t observations;  // rows x assets, centred, one after the other
  uint32_t product;       // assets x assets; its lower triangle is written
};
static_assert(sizeof(CovarianceEntry) == 16, "shared layout");

struct CovarianceTile {
  uint32_t entry;
  uint32_t row, column;  // of the tile's first element; row >= column
  uint32_t padding;
};
static_assert(sizeof(CovarianceTile) == 16, "shared layout");

// eigh.metal: matrices of one order, one after the other.
struct EighParams {
  uint32_t order;
  uint32_t sweeps;  // at most
  uint32_t padding[2];
};
static_assert(sizeof(EighParams) == 16, "shared layout");

// monte_carlo.metal. Path p of a dispatch is path (path_high, path_low) + p of the simulation.
struct SimulateParams {
  uint32_t seed_low, seed_high;
  uint32_t path_low, path_high;
  uint32_t paths, offset;  // of the dispatch, and where its first one stands among the results
  uint32_t first_step, steps, horizon;
  uint32_t assets;
  uint32_t tiles, quads;  // tiles of assets, and fours of assets in each; filled up with zeros
  uint32_t blocks;        // of four normals a step, likewise
  uint32_t degrees;       // of Student's t; 0: normal
  uint32_t lognormal;     // 1: the normal variables are log(1 + R)
  uint32_t padding;
};
static_assert(sizeof(SimulateParams) == 64, "shared layout");

// chunked_statistics.metal
struct SampleParams {
  uint32_t count;
  uint32_t edges;     // at most 2047
  uint32_t tail_bin;  // bins below it are summed
  uint32_t capacity;  // of the values gathered
  float shift, shift_low;
  uint32_t padding[2];
};
static_assert(sizeof(SampleParams) == 32, "shared layout");
