"""Words that Metal, or the host that includes the same header, has taken: none of them is a name of ours."""

from __future__ import annotations

VECTORS = [
    f"{kind}{width}"
    for kind in ("bool", "char", "uchar", "short", "ushort", "int", "uint", "long", "ulong", "half", "float", "bfloat")
    for width in (2, 3, 4)
]
KEYWORD_TEXT = """
kernel vertex fragment device constant thread threadgroup threadgroup_imageblock ray_data object_data
uchar ushort uint ulong half bfloat size_t ptrdiff_t
alignas alignof and and_eq asm auto bitand bitor bool break case catch char class compl const const_cast constexpr
continue decltype default delete do double dynamic_cast else enum explicit export extern false float for friend goto
if inline int long mutable namespace new noexcept not not_eq nullptr operator or or_eq private protected public
register reinterpret_cast return short signed sizeof static static_assert static_cast struct switch template this
thread_local throw true try typedef typeid typename union unsigned using virtual void volatile wchar_t while xor
xor_eq char8_t char16_t char32_t concept consteval constinit co_await co_return co_yield requires restrict
"""
KEYWORDS = frozenset(KEYWORD_TEXT.split()) | frozenset(VECTORS)

# `using namespace metal` makes a struct, function or constant of ours with one of these names ambiguous.
FUNCTION_TEXT = """
vec matrix array atomic sampler level bias access coord gradient2d min_lod_clamp uniform imageblock command_buffer
abs absdiff acos acosh addsat all any as_type asin asinh atan atan2 atanh ceil clamp clz copysign cos cosh cospi
cross ctz determinant distance divide dot exp exp10 exp2 extract_bits fabs faceforward fast fdim floor fma fmax
fmax3 fmedian3 fmin fmin3 fmod fract frexp hadd ilogb insert_bits isfinite isinf isnan isnormal isordered ldexp length
log log10 log2 mad24 madhi madsat max max3 median3 min min3 mix modf mul24 mulhi nextafter normalize popcount pow powr
precise quad_broadcast quad_sum reflect refract reverse_bits rhadd rint rotate round rsqrt saturate select sign
signbit simd_sum sin sincos sinh sinpi smoothstep sqrt step subsat tan tanh tanpi transpose trunc
"""
FUNCTIONS = frozenset(FUNCTION_TEXT.split())

# Macros of the systems' headers: as a field of a shared struct they do not compile on some host.
MACRO_TEXT = "I major minor makedev unix linux near far small TRUE FALSE NULL EOF NAN INFINITY MIN MAX"
MACROS = frozenset(MACRO_TEXT.split())
