// Paths of correlated asset returns and what a portfolio makes of them. One thread follows one path; assets come in tiles
// of at most 16 that stay in registers, and each tile makes its draws again, since they are counters: nothing is shared.
// A path longer than one command buffer goes on in the next from what it left in memory.
#include <metal_stdlib>
#include "float_pair.h"
#include "normals.h"
#include "params.h"
using namespace metal;

constant constexpr uint QUADS = 4u;  // of four assets each, in a tile; loops over them are unrolled

inline uint4 path_counter(constant SimulateParams& p, uint path, uint step) {
  const uint low = p.path_low + path;
  return uint4(low, p.path_high + (low < p.path_low ? 1u : 0u), step, 0u);
}

// What multiplies the normals of all assets in a step: 1, or Student's t with unit variance.
inline float common_scale(constant SimulateParams& p, uint4 counter) {
  float scale = 1.0f;
  if (p.degrees > 0u) {
    const float chi = chi_squared(counter, p.degrees, uint2(p.seed_low, p.seed_high));
    scale = precise::sqrt((float(p.degrees) - 2.0f) / chi);
  }
  return scale;
}

// The simple returns of a tile's assets in the path and step of `counter`.
inline void tile_returns(constant SimulateParams& p, device const float4* mean, device const float4* factor, uint tile,
                         uint4 counter, float scale, thread float4* returns) {
  const uint2 key = uint2(p.seed_low, p.seed_high);
  device const float4* row = factor + tile * p.blocks * 4u * p.quads;
  for (uint q = 0u; q < QUADS; ++q) returns[q] = float4(0.0f);
  for (uint block = 0u; block < p.blocks; ++block) {
    const float4 z = normals_of(counter, block, key);
    for (uint q = 0u; q < QUADS; ++q) {
      if (q < p.quads) {
        returns[q] = fma(float4(z.x), row[q], returns[q]);
        returns[q] = fma(float4(z.y), row[p.quads + q], returns[q]);
        returns[q] = fma(float4(z.z), row[2u * p.quads + q], returns[q]);
        returns[q] = fma(float4(z.w), row[3u * p.quads + q], returns[q]);
      }
    }
    row += 4u * p.quads;
  }
  for (uint q = 0u; q < QUADS; ++q) {
    if (q < p.quads) {
      const float4 value = fma(float4(scale), returns[q], mean[tile * p.quads + q]);
      returns[q] = p.lognormal > 0u ? float4(exp_less_one(value.x), exp_less_one(value.y), exp_less_one(value.z),
                                             exp_less_one(value.w))
                                    : value;
    }
  }
}

// Profit per unit of value of portfolios that go back to `weights` after every step.
kernel void simulate_rebalanced(device float2* profits [[buffer(0)]], device const float4* mean [[buffer(1)]],
                                device const float4* factor [[buffer(2)]], device const float2* weights [[buffer(3)]],
                                constant SimulateParams& p [[buffer(4)]], uint path [[thread_position_in_grid]]) {
  if (path < p.paths) {
    const uint width = 4u * p.quads;
    float2 profit = p.first_step > 0u ? profits[p.offset + path] : float2(0.0f, 0.0f);
    for (uint step = p.first_step; step < p.first_step + p.steps; ++step) {
      const uint4 counter = path_counter(p, path, step);
      const float scale = common_scale(p, counter);
      float2 earned = float2(0.0f, 0.0f);
      for (uint tile = 0u; tile < p.tiles; ++tile) {
        float4 returns[QUADS];
        tile_returns(p, mean, factor, tile, counter, scale, returns);
        for (uint a = 0u; a < 4u * QUADS; ++a) {
          if (a < width) earned = pair_add(earned, pair_scale(weights[tile * width + a], returns[a / 4u][a % 4u]));
        }
      }
      profit = pair_add(profit, pair_add(earned, pair_multiply(profit, earned)));
    }
    profits[p.offset + path] = profit;
  }
}

// Growth of a tile of assets over the steps, one thread a path and tile; after the last one what they earned, by weight.
// growth: entry (asset, path) at asset * paths + path; earned: (tile, path) likewise.
kernel void simulate_held(device float2* growth [[buffer(0)]], device float2* earned [[buffer(1)]],
                          device const float4* mean [[buffer(2)]], device const float4* factor [[buffer(3)]],
                          device const float2* weights [[buffer(4)]], constant SimulateParams& p [[buffer(5)]],
                          uint2 place [[thread_position_in_grid]]) {
  const uint path = place.x, tile = place.y;
  if (path < p.paths) {
    const uint width = 4u * p.quads;
    device float2* state = growth + tile * width * p.paths + path;
    float2 grown[4u * QUADS];
    for (uint a = 0u; a < 4u * QUADS; ++a) {
      grown[a] = p.first_step > 0u && a < width ? state[a * p.paths] : float2(1.0f, 0.0f);
    }
    for (uint step = p.first_step; step < p.first_step + p.steps; ++step) {
      const uint4 counter = path_counter(p, path, step);
      float4 returns[QUADS];
      tile_returns(p, mean, factor, tile, counter, common_scale(p, counter), returns);
      for (uint a = 0u; a < 4u * QUADS; ++a) {
        if (a < width) grown[a] = pair_add(grown[a], pair_scale(grown[a], returns[a / 4u][a % 4u]));
      }
    }
    if (p.first_step + p.steps < p.horizon) {
      for (uint a = 0u; a < 4u * QUADS; ++a) {
        if (a < width) state[a * p.paths] = grown[a];
      }
    } else {
      float2 sum = float2(0.0f, 0.0f);
      for (uint a = 0u; a < 4u * QUADS; ++a) {
        const float2 profit = pair_add(grown[a], float2(-1.0f, 0.0f));
        if (a < width) sum = pair_add(sum, pair_multiply(weights[tile * width + a], profit));
      }
      earned[tile * p.paths + path] = sum;
    }
  }
}

// Profit of held portfolios: what their tiles earned, in order.
kernel void simulate_held_profits(device float2* profits [[buffer(0)]], device const float2* earned [[buffer(1)]],
                                  constant SimulateParams& p [[buffer(2)]], uint path [[thread_position_in_grid]]) {
  if (path < p.paths) {
    float2 sum = float2(0.0f, 0.0f);
    for (uint tile = 0u; tile < p.tiles; ++tile) sum = pair_add(sum, earned[tile * p.paths + path]);
    profits[p.offset + path] = sum;
  }
}

// Asset returns of the first step, path by path: paths x assets.
kernel void simulate_returns(device float* returns [[buffer(0)]], device const float4* mean [[buffer(1)]],
                             device const float4* factor [[buffer(2)]], constant SimulateParams& p [[buffer(3)]],
                             uint2 place [[thread_position_in_grid]]) {
  const uint path = place.x, tile = place.y;
  if (path < p.paths) {
    const uint4 counter = path_counter(p, path, 0u);
    float4 own[QUADS];
    tile_returns(p, mean, factor, tile, counter, common_scale(p, counter), own);
    for (uint a = 0u; a < 4u * QUADS; ++a) {
      const uint asset = tile * 4u * p.quads + a;
      if (a < 4u * p.quads && asset < p.assets) returns[path * p.assets + asset] = own[a / 4u][a % 4u];
    }
  }
}
