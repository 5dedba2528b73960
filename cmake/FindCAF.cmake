# Finds CAF, the C++ Actor Framework, in version 0.17.6 or 1.x.
#
# CAF 1.x brings a package config, which is tried first. CAF 0.17, which Debian
# and Ubuntu ship, has no CMake files: there header and libraries are looked
# for. CMAKE_PREFIX_PATH or CAF_ROOT choose between several.
#
# Components: core, io
# Targets:    CAF::core, CAF::io
# Variables:  CAF_FOUND, CAF_VERSION, CAF_core_FOUND, CAF_io_FOUND

include(FindPackageHandleStandardArgs)

find_package(CAF CONFIG QUIET)

if(CAF_CONFIG)
  set(_caf_found_by CONFIG_MODE)
  set(_caf_required CAF_CONFIG)
else()
  set(_caf_found_by "")
  set(_caf_required CAF_CORE_LIBRARY CAF_INCLUDE_DIR)

  # Only the libraries beside the header belong to it.
  find_path(CAF_INCLUDE_DIR caf/config.hpp)
  cmake_path(GET CAF_INCLUDE_DIR PARENT_PATH _caf_prefix)
  set(_caf_places
      HINTS "${_caf_prefix}" PATH_SUFFIXES lib/${CMAKE_LIBRARY_ARCHITECTURE}
      lib64 lib NO_DEFAULT_PATH)
  find_library(CAF_CORE_LIBRARY caf_core ${_caf_places})
  find_library(CAF_IO_LIBRARY caf_io ${_caf_places})
  mark_as_advanced(CAF_INCLUDE_DIR CAF_CORE_LIBRARY CAF_IO_LIBRARY)

  unset(CAF_VERSION)
  set(_caf_defines "")
  foreach(_caf_header IN ITEMS config.hpp detail/build_config.hpp)
    if(EXISTS "${CAF_INCLUDE_DIR}/caf/${_caf_header}")
      file(STRINGS "${CAF_INCLUDE_DIR}/caf/${_caf_header}" _caf_lines
           REGEX "^#define CAF_VERSION")
      list(APPEND _caf_defines ${_caf_lines})
    endif()
  endforeach()
  # 1.x spells its version out; its CAF_VERSION is an octal literal by mistake.
  # Before, CAF_VERSION is a decimal number: 1706 for 0.17.6.
  if(_caf_defines MATCHES "CAF_VERSION_STR \"([0-9.]+)\"")
    set(CAF_VERSION "${CMAKE_MATCH_1}")
  elseif(_caf_defines MATCHES "CAF_VERSION ([1-9][0-9]*)")
    math(EXPR _caf_major "${CMAKE_MATCH_1} / 10000")
    math(EXPR _caf_minor "${CMAKE_MATCH_1} / 100 % 100")
    math(EXPR _caf_patch "${CMAKE_MATCH_1} % 100")
    set(CAF_VERSION "${_caf_major}.${_caf_minor}.${_caf_patch}")
  endif()

  find_package(Threads QUIET)
  foreach(_caf_component IN ITEMS core io)
    string(TOUPPER "CAF_${_caf_component}_LIBRARY" _caf_library)
    if(CAF_INCLUDE_DIR AND ${_caf_library} AND NOT TARGET
                                               CAF::${_caf_component})
      add_library(CAF::${_caf_component} UNKNOWN IMPORTED)
      set_target_properties(
        CAF::${_caf_component}
        PROPERTIES IMPORTED_LOCATION "${${_caf_library}}"
                   INTERFACE_INCLUDE_DIRECTORIES "${CAF_INCLUDE_DIR}"
                   INTERFACE_LINK_LIBRARIES Threads::Threads)
    endif()
  endforeach()
  if(TARGET CAF::io)
    target_link_libraries(CAF::io INTERFACE CAF::core)
  endif()
endif()

foreach(_caf_component IN ITEMS core io)
  if(TARGET CAF::${_caf_component})
    set(CAF_${_caf_component}_FOUND TRUE)
  else()
    set(CAF_${_caf_component}_FOUND FALSE)
  endif()
endforeach()

# What waybill's seam knows. 0.18 and 0.19 have interfaces of their own.
set(CAF_VERSION_SUPPORTED TRUE)
set(_caf_reason "")
if(CAF_VERSION
   AND (CAF_VERSION VERSION_LESS 0.17.6
        OR (CAF_VERSION VERSION_GREATER_EQUAL 0.18 AND CAF_VERSION VERSION_LESS
                                                       1.0)))
  set(CAF_VERSION_SUPPORTED FALSE)
  set(_caf_reason
      "waybill works with CAF 0.17.6 and with CAF 1.x, not with ${CAF_VERSION}."
  )
endif()

find_package_handle_standard_args(
  CAF ${_caf_found_by}
  REQUIRED_VARS ${_caf_required} CAF_VERSION_SUPPORTED
  VERSION_VAR CAF_VERSION
  HANDLE_VERSION_RANGE HANDLE_COMPONENTS
  REASON_FAILURE_MESSAGE "${_caf_reason}")
