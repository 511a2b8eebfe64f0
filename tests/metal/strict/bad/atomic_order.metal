// Rejected: a memory order other than relaxed.
// Finds: use of undeclared identifier 'memory_order_seq_cst'
#include <metal_stdlib>
using namespace metal;

kernel void count(device atomic_uint* bins [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  atomic_fetch_add_explicit(&bins[i], 1u, memory_order_seq_cst);
}
