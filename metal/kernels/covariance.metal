// Cross products Y'Y of centred observations, a threadgroup of 128 for each tile of 32 x 32 of the lower triangle, for
// many tables at once. Observations are summed in blocks of 128 rows, and the blocks with compensation, so that the
// error does not grow with their number.
#include <metal_stdlib>
#include <metal_simdgroup_matrix>
#include "params.h"
using namespace metal;

constant constexpr uint TILE = 32u;     // assets on a side
constant constexpr uint STAGE = 32u;    // rows in threadgroup memory at a time
constant constexpr uint BLOCK = 128u;   // rows summed before they join the compensated sum
constant constexpr uint THREADS = 128u;
constant constexpr uint OWN = 8u;       // elements of the tile that a thread sums up: a quarter of a row

// Rows first .. first + 32 of 32 columns, zero outside the table.
inline void covariance_load(threadgroup float* stage, device const float* observations, CovarianceEntry e, uint first,
                       uint column, uint t) {
  for (uint k = t; k < STAGE * TILE; k += THREADS) {
    const uint row = first + k / TILE, asset = column + k % TILE;
    const bool inside = row < e.rows && asset < e.assets;
    stage[k] = inside ? observations[e.observations + row * e.assets + asset] : 0.0f;
  }
}

// total + value, what rounding takes off it kept in `lost` (Knuth's two-sum: exact in any order of magnitude).
inline void covariance_add(thread float& total, thread float& lost, float value) {
  const float sum = total + value;
  const float part = sum - total;
  lost += (total - (sum - part)) + (value - part);
  total = sum;
}

inline void covariance_write(thread const float* total, thread const float* lost, device float* products, CovarianceEntry e,
                       CovarianceTile tile, uint t) {
  const uint row = tile.row + t / 4u, column = tile.column + (t % 4u) * OWN;
  for (uint k = 0u; k < OWN; ++k) {
    if (row < e.assets && column + k <= row) products[e.product + row * e.assets + column + k] = total[k] + lost[k];
  }
}

// Four simdgroups, each a quadrant of 16 x 16 of the tile in 8 x 8 matrices.
kernel void covariance_tiles(device const float* observations [[buffer(0)]], device float* products [[buffer(1)]],
                             device const CovarianceEntry* entries [[buffer(2)]],
                             device const CovarianceTile* tiles [[buffer(3)]],
                             uint group [[threadgroup_position_in_grid]], uint t [[thread_index_in_threadgroup]],
                             uint sg [[simdgroup_index_in_threadgroup]]) {
  threadgroup float left[STAGE * TILE];
  threadgroup float right[STAGE * TILE];
  threadgroup float block[TILE * TILE];
  const CovarianceTile tile = tiles[group];
  const CovarianceEntry e = entries[tile.entry];
  const uint top = (sg / 2u) * 16u, side = (sg % 2u) * 16u;
  float total[OWN], lost[OWN];
  for (uint k = 0u; k < OWN; ++k) total[k] = lost[k] = 0.0f;
  for (uint from = 0u; from < e.rows; from += BLOCK) {
    simdgroup_float8x8 sum[2][2];
    for (uint a = 0u; a < 2u; ++a) {
      for (uint b = 0u; b < 2u; ++b) sum[a][b] = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
    }
    for (uint first = from; first < min(from + BLOCK, e.rows); first += STAGE) {
      covariance_load(left, observations, e, first, tile.row, t);
      covariance_load(right, observations, e, first, tile.column, t);
      threadgroup_barrier(mem_flags::mem_threadgroup);
      for (uint k = 0u; k < STAGE; k += 8u) {
        simdgroup_float8x8 rows[2], columns[2];
        for (uint a = 0u; a < 2u; ++a) {
          simdgroup_load(rows[a], left + k * TILE + top + a * 8u, TILE, ulong2(0, 0), true);
          simdgroup_load(columns[a], right + k * TILE + side + a * 8u, TILE);
        }
        for (uint a = 0u; a < 2u; ++a) {
          for (uint b = 0u; b < 2u; ++b) simdgroup_multiply_accumulate(sum[a][b], rows[a], columns[b], sum[a][b]);
        }
      }
      threadgroup_barrier(mem_flags::mem_threadgroup);
    }
    for (uint a = 0u; a < 2u; ++a) {
      for (uint b = 0u; b < 2u; ++b) {
        simdgroup_store(sum[a][b], block + (top + a * 8u) * TILE + side + b * 8u, TILE);
      }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    // no barrier: `block` is next written after those of the next stage
    for (uint k = 0u; k < OWN; ++k) covariance_add(total[k], lost[k], block[t * OWN + k]);
  }
  covariance_write(total, lost, products, e, tile, t);
}

// The same without simdgroup matrices, for GPU families before Apple7: a thread sums its own eight elements.
kernel void covariance_tiles_plain(device const float* observations [[buffer(0)]], device float* products [[buffer(1)]],
                                   device const CovarianceEntry* entries [[buffer(2)]],
                                   device const CovarianceTile* tiles [[buffer(3)]],
                                   uint group [[threadgroup_position_in_grid]],
                                   uint t [[thread_index_in_threadgroup]]) {
  threadgroup float left[STAGE * TILE];
  threadgroup float right[STAGE * TILE];
  const CovarianceTile tile = tiles[group];
  const CovarianceEntry e = entries[tile.entry];
  const uint top = t / 4u, side = (t % 4u) * OWN;
  float total[OWN], lost[OWN];
  for (uint k = 0u; k < OWN; ++k) total[k] = lost[k] = 0.0f;
  for (uint from = 0u; from < e.rows; from += BLOCK) {
    float sum[OWN];
    for (uint k = 0u; k < OWN; ++k) sum[k] = 0.0f;
    for (uint first = from; first < min(from + BLOCK, e.rows); first += STAGE) {
      covariance_load(left, observations, e, first, tile.row, t);
      covariance_load(right, observations, e, first, tile.column, t);
      threadgroup_barrier(mem_flags::mem_threadgroup);
      for (uint row = 0u; row < STAGE; ++row) {
        const float own = left[row * TILE + top];
        for (uint k = 0u; k < OWN; ++k) sum[k] = fma(own, right[row * TILE + side + k], sum[k]);
      }
      threadgroup_barrier(mem_flags::mem_threadgroup);
    }
    for (uint k = 0u; k < OWN; ++k) covariance_add(total[k], lost[k], sum[k]);
  }
  covariance_write(total, lost, products, e, tile, t);
}
