# emulated_kernels(<target> KERNELS a.metal b.metal ... [SANITIZER none|address|thread])
# Translates the kernels, compiles them under the sanitizer and links them and the emulator into <target>, whose
# sources then include "emulator.hpp". Only the kernels are instrumented: the emulator and the host are not under test.
find_package(Python REQUIRED COMPONENTS Interpreter)
set(EMULATOR_FOLDER ${CMAKE_CURRENT_LIST_DIR})
cmake_path(SET EMULATOR_ROOT NORMALIZE ${CMAKE_CURRENT_LIST_DIR}/../../..)

# The emulator itself, once for each sanitizer, which it tells about its stacks.
function(emulator_runtime sanitizer)
  if(TARGET emulator_${sanitizer})
    return()
  endif()
  add_library(emulator_${sanitizer} OBJECT
    ${EMULATOR_FOLDER}/context.cpp ${EMULATOR_FOLDER}/dispatch.cpp ${EMULATOR_FOLDER}/group.cpp
    ${EMULATOR_FOLDER}/numeric.cpp ${EMULATOR_FOLDER}/operations.cpp ${EMULATOR_FOLDER}/registry.cpp
    ${EMULATOR_FOLDER}/release.cpp ${EMULATOR_FOLDER}/switch.cpp ${EMULATOR_FOLDER}/threadgroup_memory.cpp)
  target_compile_features(emulator_${sanitizer} PRIVATE cxx_std_20)
  target_compile_options(emulator_${sanitizer} PRIVATE -Wall -Wextra -Wshadow -Werror -O2 -g -ffp-contract=off)
  set_target_properties(emulator_${sanitizer} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  if(NOT sanitizer STREQUAL none)
    string(TOUPPER ${sanitizer} upper)
    target_compile_definitions(emulator_${sanitizer} PRIVATE EMULATOR_${upper}_SANITIZER)
  endif()
endfunction()

function(emulated_kernels target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "SANITIZER" "KERNELS")
  if(NOT arg_SANITIZER)
    set(arg_SANITIZER none)
  endif()
  if(NOT arg_KERNELS OR arg_UNPARSED_ARGUMENTS OR NOT arg_SANITIZER MATCHES "^(none|address|thread)$")
    message(FATAL_ERROR "emulated_kernels(${target} KERNELS files... [SANITIZER none|address|thread])")
  endif()
  emulator_runtime(${arg_SANITIZER})

  set(folder ${CMAKE_CURRENT_BINARY_DIR}/emulated/${target})
  set(sources "")
  set(kernels "")
  set(includes "")
  foreach(kernel IN LISTS arg_KERNELS)
    cmake_path(ABSOLUTE_PATH kernel NORMALIZE)
    cmake_path(GET kernel STEM stem)
    cmake_path(GET kernel PARENT_PATH parent)
    list(APPEND kernels ${kernel})
    list(APPEND includes ${parent})
    list(APPEND sources ${folder}/${stem}.cpp)
  endforeach()
  list(REMOVE_DUPLICATES includes)
  file(GLOB translator CONFIGURE_DEPENDS ${EMULATOR_FOLDER}/translate/*.py)
  add_custom_command(OUTPUT ${sources} ${folder}/index.cpp
    COMMAND ${Python_EXECUTABLE} -m tests.metal.emulator.translate ${folder} ${kernels}
    WORKING_DIRECTORY ${EMULATOR_ROOT}
    DEPENDS ${kernels} ${translator}
    COMMENT "Translating the kernels of ${target}"
    VERBATIM)

  add_library(${target}_kernels OBJECT ${sources} ${folder}/index.cpp)
  target_compile_features(${target}_kernels PRIVATE cxx_std_20)
  set_target_properties(${target}_kernels PROPERTIES POSITION_INDEPENDENT_CODE ON)
  target_include_directories(${target}_kernels PRIVATE ${EMULATOR_FOLDER} ${EMULATOR_FOLDER}/include ${includes})
  target_compile_definitions(${target}_kernels PRIVATE __METAL_VERSION__=310)
  # pattern: a variable that is read before it is written holds a huge number, not the zero of a fresh stack
  target_compile_options(${target}_kernels PRIVATE -Wall -Wextra -Wshadow -Werror -Wno-unknown-pragmas -O2 -g
                                                   -ffp-contract=off -ftrivial-auto-var-init=pattern)
  if(NOT arg_SANITIZER STREQUAL none)
    target_compile_options(${target}_kernels PRIVATE -O1 -fsanitize=${arg_SANITIZER})
    target_link_options(${target} PUBLIC -fsanitize=${arg_SANITIZER})
  endif()
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:${target}_kernels> $<TARGET_OBJECTS:emulator_${arg_SANITIZER}>)
  target_include_directories(${target} PRIVATE ${EMULATOR_FOLDER})
endfunction()
