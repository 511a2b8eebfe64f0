# portfolio_metal_cpp: the headers NS:: and MTL:: and what they link to. See PORTFOLIO_METAL.
add_library(portfolio_metal_cpp INTERFACE)
if(PORTFOLIO_METAL STREQUAL "ON")
  # metal-cpp comes in the wheel mlx-metal (or in older ones of mlx), and from Apple.
  if(NOT METAL_CPP_DIR)
    if(NOT Python_EXECUTABLE)
      find_package(Python REQUIRED COMPONENTS Interpreter)
    endif()
    portfolio_wheel_path("mlx-metal (or METAL_CPP_DIR, the folder of metal-cpp; or PORTFOLIO_METAL=OFF)" [[
import importlib.metadata as m
def found(name):
    try:
        path = m.distribution(name).locate_file('mlx/include/metal_cpp')
    except m.PackageNotFoundError:
        return None
    return path if (path / 'Metal' / 'Metal.hpp').exists() else None
path = found('mlx-metal') or found('mlx')
if path is None:
    raise SystemExit('it is not installed')
print(path)
]] METAL_CPP_DIR)
  endif()
  target_include_directories(portfolio_metal_cpp SYSTEM INTERFACE "${METAL_CPP_DIR}")
  # CoreGraphics: without it a program without a window gets no device.
  target_link_libraries(portfolio_metal_cpp INTERFACE "-framework Foundation" "-framework Metal" "-framework QuartzCore"
                                                      "-framework CoreGraphics")
elseif(PORTFOLIO_METAL STREQUAL "EMULATED")
  add_subdirectory(tests/metal/fake)
  target_link_libraries(portfolio_metal_cpp INTERFACE portfolio_fake_metal)
elseif(NOT PORTFOLIO_METAL STREQUAL "OFF")
  message(FATAL_ERROR "PORTFOLIO_METAL: expected ON, EMULATED or OFF, got ${PORTFOLIO_METAL}")
endif()
message(STATUS "portfolio: Metal is ${PORTFOLIO_METAL}")
