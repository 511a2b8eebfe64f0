# On macOS an extension leaves Python's symbols to the program that loads it, and with them any that is missing of ours.
# Here it links to a stub of Python's instead. Runs when everything else is configured, so that pybind11 is found.
cmake_language(EVAL CODE "cmake_language(DEFER DIRECTORY \"${CMAKE_CURRENT_SOURCE_DIR}\" CALL set_property TARGET
  pybind11::python_link_helper PROPERTY INTERFACE_LINK_OPTIONS \"${STUBS}/libpython.tbd\")")
