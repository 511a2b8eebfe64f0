// Eigenvectors of small symmetric matrices, a threadgroup each, by cyclic Jacobi with the pairs of a round-robin
// tournament (Golub and Van Loan, Matrix Computations, section 8.5): the rotations of a step touch disjoint rows and
// columns, so that each 2 x 2 block of the matrix is rotated on both sides at once and the matrix stays symmetric bit
// for bit. The host scales matrices to a Frobenius norm near 1, refines the vectors in float64 and orders them.
#include <metal_stdlib>
#include "params.h"
using namespace metal;

constant constexpr uint PAIRS = 64u;          // at most, for an order of 128
constant constexpr float NEGLIGIBLE = 4.8e-7f;  // 2^-21: off-diagonal entry after which a sweep was the last

struct EighRotations {
  threadgroup float* sine;
  threadgroup float* half_tangent;  // of half the angle
  threadgroup float* shift;    // what the first eigenvalue loses and the second gains
  threadgroup float* largest;  // off-diagonal entry met in this sweep, by place in the tournament
  threadgroup uint* first;
  threadgroup uint* second;  // not below the order: the first has no opponent in this step
};

// The circle method: player 0 stays, the others move on by one place a step.
inline uint eigh_player(uint place, uint step, uint players) {
  return place == 0u ? 0u : 1u + (place - 1u + step) % (players - 1u);
}

// (i, j) with j <= i of the k-th entry of a lower triangle.
inline uint2 eigh_triangle(uint k) {
  uint i = uint(0.5f * (precise::sqrt(8.0f * float(k) + 1.0f) - 1.0f));
  if ((i + 1u) * (i + 2u) / 2u <= k) i += 1u;
  if (i * (i + 1u) / 2u > k) i -= 1u;
  return uint2(i, k - i * (i + 1u) / 2u);
}

// Rutishauser's form of a rotation: small angles are added, so that rounding does not lengthen what is turned.
inline float2 eigh_turn(float2 pair, float sine, float half_tangent) {
  return float2(pair.x - sine * (pair.y + half_tangent * pair.x), pair.y + sine * (pair.x - half_tangent * pair.y));
}

template <typename Memory>
inline void eigh_choose(Memory a, EighRotations r, uint n, uint players, uint step, uint t, uint threads) {
  for (uint k = t; k < players / 2u; k += threads) {
    const uint one = eigh_player(k, step, players), other = eigh_player(players - 1u - k, step, players);
    const uint p = min(one, other), q = max(one, other);
    const float off = q < n ? a[p * n + q] : 0.0f;
    float tangent = 0.0f;
    if (off != 0.0f) {
      const float theta = (a[q * n + q] - a[p * n + p]) / (2.0f * off);
      tangent = (theta < 0.0f ? -1.0f : 1.0f) / (fabs(theta) + precise::sqrt(fma(theta, theta, 1.0f)));
    }
    const float cosine = 1.0f / precise::sqrt(fma(tangent, tangent, 1.0f));
    r.first[k] = p;
    r.second[k] = q;
    r.sine[k] = tangent * cosine;
    r.half_tangent[k] = r.sine[k] / (1.0f + cosine);
    r.shift[k] = tangent * off;
    r.largest[k] = step == 0u ? fabs(off) : max(r.largest[k], fabs(off));
  }
}

// Block (i, j) of the matrix and its mirror image; rows of pair i, columns of pair j.
template <typename Memory>
inline void eigh_rotate_block(Memory a, EighRotations r, uint n, uint i, uint j) {
  const uint p = r.first[i], q = r.second[i], u = r.first[j], v = r.second[j];
  const bool rows = q < n, columns = v < n;
  if (i == j) {
    a[p * n + p] -= r.shift[i];
    if (rows) {
      a[q * n + q] += r.shift[i];
      a[p * n + q] = 0.0f;
      a[q * n + p] = 0.0f;
    }
  } else {
    const float pu = a[p * n + u], pv = columns ? a[p * n + v] : 0.0f;
    const float qu = rows ? a[q * n + u] : 0.0f, qv = rows && columns ? a[q * n + v] : 0.0f;
    const float2 top = eigh_turn(float2(pu, qu), r.sine[i], r.half_tangent[i]);
    const float2 end = eigh_turn(float2(pv, qv), r.sine[i], r.half_tangent[i]);
    const float2 upper = eigh_turn(float2(top.x, end.x), r.sine[j], r.half_tangent[j]);
    const float2 lower = eigh_turn(float2(top.y, end.y), r.sine[j], r.half_tangent[j]);
    a[p * n + u] = a[u * n + p] = upper.x;
    if (columns) a[p * n + v] = a[v * n + p] = upper.y;
    if (rows) a[q * n + u] = a[u * n + q] = lower.x;
    if (rows && columns) a[q * n + v] = a[v * n + q] = lower.y;
  }
}

inline void eigh_rotate_vectors(device float* vectors, EighRotations r, uint n, uint pairs, uint t, uint threads) {
  for (uint k = t; k < pairs * n; k += threads) {
    const uint pair = k / n, row = k % n;
    const uint p = r.first[pair] * n + row, q = r.second[pair] * n + row;
    if (r.second[pair] < n) {
      const float2 turned = eigh_turn(float2(vectors[p], vectors[q]), r.sine[pair], r.half_tangent[pair]);
      vectors[p] = turned.x;
      vectors[q] = turned.y;
    }
  }
}

// Turns `vectors` (eigenvector k at k * n) from the identity; every thread of the group calls it.
template <typename Memory>
inline void eigh_sweeps(Memory a, device float* vectors, EighRotations r, constant EighParams& params, uint t,
                        uint threads) {
  const uint n = params.order, players = n + n % 2u, pairs = players / 2u, blocks = pairs * (pairs + 1u) / 2u;
  for (uint k = t; k < n * n; k += threads) vectors[k] = k / n == k % n ? 1.0f : 0.0f;
  threadgroup_barrier(mem_flags::mem_device | mem_flags::mem_threadgroup);
  bool busy = true;
  for (uint sweep = 0u; busy && sweep < params.sweeps; ++sweep) {
    for (uint step = 0u; step + 1u < players; ++step) {
      eigh_choose(a, r, n, players, step, t, threads);
      threadgroup_barrier(mem_flags::mem_device | mem_flags::mem_threadgroup);
      for (uint k = t; k < blocks; k += threads) {
        const uint2 block = eigh_triangle(k);
        eigh_rotate_block(a, r, n, block.x, block.y);
      }
      eigh_rotate_vectors(vectors, r, n, pairs, t, threads);
      threadgroup_barrier(mem_flags::mem_device | mem_flags::mem_threadgroup);
    }
    busy = false;
    for (uint k = 0u; k < pairs; ++k) busy = busy || r.largest[k] > NEGLIGIBLE;
    threadgroup_barrier(mem_flags::mem_threadgroup);  // all have read `largest` before the next sweep writes it
  }
}

// Orders up to 64: the matrix lives in threadgroup memory.
kernel void eigh_jacobi_small(device const float* matrices [[buffer(0)]], device float* vectors [[buffer(1)]],
                              constant EighParams& params [[buffer(2)]], threadgroup float* working [[threadgroup(0)]],
                              uint group [[threadgroup_position_in_grid]], uint t [[thread_index_in_threadgroup]],
                              uint threads [[threads_per_threadgroup]]) {
  threadgroup float numbers[4u * PAIRS];
  threadgroup uint places[2u * PAIRS];
  const EighRotations r = {numbers, numbers + PAIRS, numbers + 2u * PAIRS, numbers + 3u * PAIRS, places, places + PAIRS};
  const uint size = params.order * params.order;
  for (uint k = t; k < size; k += threads) working[k] = matrices[group * size + k];
  eigh_sweeps(working, vectors + group * size, r, params, t, threads);
}

// Orders up to 128: the matrix stays in device memory and is overwritten.
kernel void eigh_jacobi(device float* matrices [[buffer(0)]], device float* vectors [[buffer(1)]],
                        constant EighParams& params [[buffer(2)]], uint group [[threadgroup_position_in_grid]],
                        uint t [[thread_index_in_threadgroup]], uint threads [[threads_per_threadgroup]]) {
  threadgroup float numbers[4u * PAIRS];
  threadgroup uint places[2u * PAIRS];
  const EighRotations r = {numbers, numbers + PAIRS, numbers + 2u * PAIRS, numbers + 3u * PAIRS, places, places + PAIRS};
  const uint size = params.order * params.order;
  eigh_sweeps(matrices + group * size, vectors + group * size, r, params, t, threads);
}
