# What `cmake --install` puts where, find_package(Belay), and pkg-config files. Included last, so
# that it sees every target; what is not built is not installed.
include(CMakePackageConfigHelpers)

# The public headers, each listed once. Every one must compile on its own.
target_sources(belay PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/include FILES
  ${PROJECT_SOURCE_DIR}/include/belay/checkpoint_restore.h
  ${PROJECT_SOURCE_DIR}/include/belay/savepoint.h
  ${PROJECT_SOURCE_DIR}/include/belay/short_names.h)
if(EXISTS ${PROJECT_SOURCE_DIR}/include/belay/belay.hpp)
  target_sources(belay PUBLIC FILE_SET HEADERS FILES
    ${PROJECT_SOURCE_DIR}/include/belay/belay.hpp
    ${PROJECT_SOURCE_DIR}/include/belay/savepoint.hpp)
endif()
set_target_properties(belay PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
target_compile_features(belay INTERFACE c_std_11)

install(TARGETS belay EXPORT BelayTargets FILE_SET HEADERS
  RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
set(BELAY_HAS_LEARN OFF)
if(TARGET belay_learn)
  set(BELAY_HAS_LEARN ON)
  target_sources(belay_learn PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/include FILES
    ${PROJECT_SOURCE_DIR}/include/belay/autonomize.h
    ${PROJECT_SOURCE_DIR}/include/belay/autonomize.hpp
    ${PROJECT_SOURCE_DIR}/include/belay/autonomize_names.h)
  set_target_properties(belay_learn PROPERTIES INSTALL_RPATH "$ORIGIN")
  install(TARGETS belay_learn EXPORT BelayTargets FILE_SET HEADERS
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
if(TARGET belay_malloc)
  # Preloaded by its path, it finds libbelay beside itself.
  set_target_properties(belay_malloc PROPERTIES EXPORT_NAME malloc INSTALL_RPATH "$ORIGIN")
  install(TARGETS belay_malloc EXPORT BelayTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()

# What headers and messages refer to, with its links whole.
install(FILES README.md CHANGELOG.md LICENSE ARCHITECTURE.md
  DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/belay)
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/belay
  PATTERN man EXCLUDE)

set(BELAY_PLUGIN_INSTALLED ${CMAKE_INSTALL_LIBDIR}/libbelay_compiler.so)
install(EXPORT BelayTargets NAMESPACE Belay:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Belay)
configure_package_config_file(
  ${CMAKE_CURRENT_LIST_DIR}/BelayConfig.cmake.in ${PROJECT_BINARY_DIR}/BelayConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Belay PATH_VARS BELAY_PLUGIN_INSTALLED)
# Before 1.0 a minor version may change the interface.
write_basic_package_version_file(
  ${PROJECT_BINARY_DIR}/BelayConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/BelayConfig.cmake ${PROJECT_BINARY_DIR}/BelayConfigVersion.cmake
  ${CMAKE_CURRENT_LIST_DIR}/BelayInstrument.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Belay)

function(belay_install_pkgconfig name description libs requires)
  set(PC_NAME ${name})
  set(PC_DESCRIPTION ${description})
  set(PC_LIBS ${libs})
  set(PC_REQUIRES ${requires})
  # Relative to the file itself, so that an install may be moved, or staged with DESTDIR.
  file(RELATIVE_PATH PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /.)
  configure_file(${CMAKE_CURRENT_FUNCTION_LIST_DIR}/pkgconfig.pc.in
    ${PROJECT_BINARY_DIR}/${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()

belay_install_pkgconfig(belay "${PROJECT_DESCRIPTION}" "-lbelay" "")
if(TARGET belay_region)
  belay_install_pkgconfig(belay_region "Undo for stretches of code that belay-cc compiled"
    "-lbelay_region" "")
endif()
if(TARGET belay_region_cxx)
  belay_install_pkgconfig(belay_region_cxx "Undo for the C++ library's part of such code"
    "-lbelay_region_cxx" "belay_region")
endif()
if(TARGET belay_learn)
  belay_install_pkgconfig(belay_learn "Learned decisions inside ordinary programs"
    "-lbelay_learn" "belay")
endif()
if(TARGET belay_malloc)
  # The linker would drop a library that only interposes malloc.
  belay_install_pkgconfig(belay_malloc "malloc and new from Belay's arena"
    "-Wl,--no-as-needed -lbelay_malloc -Wl,--as-needed" "belay")
endif()

# Programs are installed by the folders that build them.
if(EXISTS ${PROJECT_SOURCE_DIR}/docs/man)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1
    FILES_MATCHING PATTERN "*.1")
endif()
