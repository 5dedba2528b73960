# What is installed: libraries, public headers, the CMake package with one file
# of targets for each component, and pkg-config files.

include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(components messages persistence)
if(WAYBILL_ACTORS)
  list(APPEND components actors)
endif()

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/waybill")
set(pkgconfig_dir "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

foreach(component IN LISTS components)
  set(targets waybill_${component})
  if(component STREQUAL "actors")
    list(APPEND targets waybill)
  endif()
  # The libraries find each other, and a CAF outside of the system's folders.
  set_target_properties(
    waybill_${component} PROPERTIES INSTALL_RPATH "$ORIGIN"
                                    INSTALL_RPATH_USE_LINK_PATH ON)
  install(
    TARGETS ${targets}
    EXPORT waybill_${component}
    FILE_SET HEADERS)
  install(
    EXPORT waybill_${component}
    FILE waybill-${component}.cmake
    NAMESPACE waybill::
    DESTINATION "${package_dir}")
endforeach()

# A program must not get a CAF into it that is binary incompatible with the one
# that the installed library was built with: 0.x may break with each minor
# version, 1.x keeps what it has.
if(WAYBILL_ACTORS)
  if(CAF_VERSION VERSION_LESS 1)
    set(caf_versions "${CAF_VERSION}...<0.18")
  else()
    set(caf_versions "${CAF_VERSION}...<2")
  endif()
endif()

get_target_property(library_type waybill_messages TYPE)
if(library_type STREQUAL "STATIC_LIBRARY")
  set(waybill_is_static TRUE)
  set(pc_requires "nlohmann_json, sqlite3")
  set(pc_requires_private "")
else()
  set(waybill_is_static FALSE)
  set(pc_requires "nlohmann_json")
  set(pc_requires_private "sqlite3")
endif()

configure_package_config_file(
  cmake/waybillConfig.cmake.in waybillConfig.cmake
  INSTALL_DESTINATION "${package_dir}"
  NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(waybillConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/waybillConfig.cmake"
              "${PROJECT_BINARY_DIR}/waybillConfigVersion.cmake"
        DESTINATION "${package_dir}")

# The pkg-config files say where they are relative to themselves, so that the
# installed tree can be moved.
cmake_path(
  RELATIVE_PATH CMAKE_INSTALL_PREFIX BASE_DIRECTORY
  "${CMAKE_INSTALL_PREFIX}/${pkgconfig_dir}" OUTPUT_VARIABLE pc_up)
set(pc_files waybill-persistence)
if(WAYBILL_ACTORS)
  install(FILES cmake/FindCAF.cmake DESTINATION "${package_dir}")
  list(APPEND pc_files waybill)
endif()
foreach(pc IN LISTS pc_files)
  configure_file(cmake/${pc}.pc.in ${pc}.pc.in @ONLY)
  # Generator expressions in it say where CAF is.
  file(
    GENERATE
    OUTPUT "${PROJECT_BINARY_DIR}/${pc}.pc"
    INPUT "${PROJECT_BINARY_DIR}/${pc}.pc.in")
  install(FILES "${PROJECT_BINARY_DIR}/${pc}.pc"
          DESTINATION "${pkgconfig_dir}")
endforeach()
