// The 8x8 matrices: who holds which element, loads and stores both ways, products, and what they refuse.
#include <metal_stdlib>
#include <metal_simdgroup_matrix>
using namespace metal;

kernel void lane_map(device const float* matrix [[buffer(0)]], device float2* pairs [[buffer(1)]],
                     device float* copy [[buffer(2)]], device float* transposed [[buffer(3)]],
                     device float* loaded_transposed [[buffer(4)]], device float* diagonal [[buffer(5)]],
                     device float* filled [[buffer(6)]], uint lane [[thread_index_in_simdgroup]]) {
  simdgroup_float8x8 m, t;
  simdgroup_load(m, matrix, 11);
  simdgroup_load(t, matrix, 11, ulong2(0, 0), true);
  pairs[lane] = m.thread_elements();
  simdgroup_store(m, copy);
  simdgroup_store(m, transposed, 8, ulong2(0, 0), true);
  simdgroup_store(t, loaded_transposed, 8);
  simdgroup_store(simdgroup_float8x8(3.0f), diagonal, 8);
  simdgroup_store(make_filled_simdgroup_matrix<float, 8, 8>(2.5f), filled, 8);
}

kernel void products(device const float* a [[buffer(0)]], device const float* b [[buffer(1)]],
                     device float* product [[buffer(2)]], device float* sum [[buffer(3)]],
                     uint t [[thread_index_in_threadgroup]]) {
  threadgroup float tile[64];
  tile[t] = a[t];
  tile[t + 32u] = a[t + 32u];
  threadgroup_barrier(mem_flags::mem_threadgroup);
  simdgroup_float8x8 left, right, c = make_filled_simdgroup_matrix<float, 8, 8>(1.0f), d;
  simdgroup_load(left, tile, 8);
  simdgroup_load(right, b, 8);
  simdgroup_multiply(d, left, right);
  simdgroup_store(d, product, 8);
  simdgroup_multiply_accumulate(c, left, right, c);
  simdgroup_store(c, sum, 8);
}

kernel void uninitialised_matrix(device float* out [[buffer(0)]]) {
  simdgroup_float8x8 m;
  simdgroup_store(m, out, 8);
}

kernel void lane_pointer(device float* out [[buffer(0)]], uint lane [[thread_index_in_simdgroup]]) {
  simdgroup_float8x8 m = make_filled_simdgroup_matrix<float, 8, 8>(1.0f);
  simdgroup_store(m, out + lane / 31u, 8);
}

kernel void matrix_origin(device float* out [[buffer(0)]]) {
  simdgroup_float8x8 m = make_filled_simdgroup_matrix<float, 8, 8>(1.0f);
  simdgroup_store(m, out, 8, ulong2(8, 0));
}
