# An installed tree that find_package(portfolio) uses with nothing else.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set_target_properties(portfolio PROPERTIES INSTALL_RPATH "${portfolio_blas_rpath}")
install(TARGETS portfolio EXPORT portfolioTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY cpp/include/portfolio DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT portfolioTargets NAMESPACE portfolio:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/portfolio)
file(WRITE ${CMAKE_BINARY_DIR}/portfolioConfig.cmake
  "include(\"\${CMAKE_CURRENT_LIST_DIR}/portfolioTargets.cmake\")\n")
write_basic_package_version_file(${CMAKE_BINARY_DIR}/portfolioConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/portfolioConfig.cmake ${CMAKE_BINARY_DIR}/portfolioConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/portfolio)
