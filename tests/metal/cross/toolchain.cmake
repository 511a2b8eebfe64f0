# Linux to macOS on Apple silicon with the clang and the linker of the wheel ziglang. ZIG is its program; STUBS holds
# frameworks of which only the symbols are known, INCLUDE stands in for the few headers of Apple that metal-cpp needs.
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES ZIG STUBS INCLUDE)
set(CMAKE_SYSTEM_NAME Darwin)
set(CMAKE_SYSTEM_VERSION 23.0.0)
set(CMAKE_SYSTEM_PROCESSOR arm64)
set(CMAKE_CXX_COMPILER ${ZIG} c++)
set(CMAKE_CXX_COMPILER_TARGET aarch64-macos.14.0)
# Nothing here runs, so nothing is optimised; zig builds its own C++ library once for each level.
set(CMAKE_CXX_FLAGS_INIT "-O0 -fno-sanitize=undefined -isystem ${INCLUDE}")
# What the linking trials would find out, each of which would build that library.
set(CMAKE_CXX_COMPILER_WORKS TRUE)
set(CMAKE_CXX_ABI_COMPILED TRUE)
set(CMAKE_CXX_SIZEOF_DATA_PTR 8)
set(CMAKE_SIZEOF_VOID_P 8)
set(CMAKE_HAVE_LIBC_PTHREAD TRUE)
set(CMAKE_SHARED_LINKER_FLAGS_INIT "-F${STUBS}")
set(CMAKE_MODULE_LINKER_FLAGS_INIT "-F${STUBS}")
set(CMAKE_OSX_SYSROOT "")
set(CMAKE_OSX_DEPLOYMENT_TARGET "")
set(CMAKE_INSTALL_NAME_TOOL true)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_STRIP true)
set(CMAKE_INTERPROCEDURAL_OPTIMIZATION OFF)
