// Barriers, operations between the lanes of a simdgroup, and 8x8 matrices spread over one.
#pragma once
namespace metal {
enum class mem_flags { mem_none = 0, mem_device = 1, mem_threadgroup = 2 };
mem_flags operator|(mem_flags, mem_flags);
void threadgroup_barrier(mem_flags);
void simdgroup_barrier(mem_flags);

#define STRICT_LANES_OF(T)        \
  T simd_broadcast(T, ushort);    \
  T simd_broadcast_first(T);      \
  T simd_shuffle(T, ushort);      \
  T simd_shuffle_xor(T, ushort);  \
  T simd_shuffle_up(T, ushort);   \
  T simd_shuffle_down(T, ushort); \
  T simd_sum(T);                  \
  T simd_product(T);              \
  T simd_min(T);                  \
  T simd_max(T);                  \
  T simd_prefix_inclusive_sum(T); \
  T simd_prefix_exclusive_sum(T);
STRICT_LANES_OF(float)
STRICT_LANES_OF(half)
STRICT_LANES_OF(int)
STRICT_LANES_OF(uint)
STRICT_LANES_OF(short)
STRICT_LANES_OF(ushort)
STRICT_LANES_OF(float2)
STRICT_LANES_OF(float4)
STRICT_LANES_OF(uint2)
STRICT_LANES_OF(uint4)
#undef STRICT_LANES_OF
uint simd_and(uint);
uint simd_or(uint);
uint simd_xor(uint);
bool simd_any(bool);
bool simd_all(bool);

template <class T, int Rows, int Columns>
struct simdgroup_matrix {
  static_assert(Rows == 8 && Columns == 8, "simdgroup matrices are 8x8");
  simdgroup_matrix();
  explicit simdgroup_matrix(T diagonal);
};
typedef simdgroup_matrix<float, 8, 8> simdgroup_float8x8;
typedef simdgroup_matrix<half, 8, 8> simdgroup_half8x8;

template <class T, int Rows, int Columns = Rows>
simdgroup_matrix<T, Rows, Columns> make_filled_simdgroup_matrix(T value);

#define STRICT_LOAD_STORE(space)                                                                      \
  template <class T>                                                                                  \
  void simdgroup_load(thread simdgroup_matrix<T, 8, 8>&, const space T*, ulong elements_per_row = 8,  \
                      ulong2 origin = 0, bool transpose = false);                                     \
  template <class T>                                                                                  \
  void simdgroup_store(const thread simdgroup_matrix<T, 8, 8>&, space T*, ulong elements_per_row = 8, \
                       ulong2 origin = 0, bool transpose = false);
STRICT_LOAD_STORE(device)
STRICT_LOAD_STORE(threadgroup)
#undef STRICT_LOAD_STORE

template <class T>
void simdgroup_multiply(thread simdgroup_matrix<T, 8, 8>&, const thread simdgroup_matrix<T, 8, 8>&,
                        const thread simdgroup_matrix<T, 8, 8>&);
template <class T>
void simdgroup_multiply_accumulate(thread simdgroup_matrix<T, 8, 8>&, const thread simdgroup_matrix<T, 8, 8>&,
                                   const thread simdgroup_matrix<T, 8, 8>&, const thread simdgroup_matrix<T, 8, 8>&);
}  // namespace metal
