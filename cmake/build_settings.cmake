# How everything in this tree is compiled. Nothing here reaches users: it is set
# for the directories of this project, not on its targets' interfaces.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)

# Static libraries too: they end up in users' shared ones.
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(PROJECT_IS_TOP_LEVEL)
  if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE
        RelWithDebInfo
        CACHE STRING "Build type" FORCE)
  endif()
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

  # Adds targets that compile each public header alone; build
  # all_verify_interface_header_sets to run the check.
  set(CMAKE_VERIFY_INTERFACE_HEADER_SETS ON)
endif()

if(PROJECT_IS_TOP_LEVEL OR WAYBILL_WARNINGS_AS_ERRORS)
  add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion
                      -Wold-style-cast -Wnon-virtual-dtor
                      $<$<CXX_COMPILER_ID:Clang>:-Wreserved-identifier>)
endif()
# In a unity build the names of one file are around in the next, and sources
# are included.
if(CMAKE_UNITY_BUILD)
  add_compile_options(-Wno-shadow
                      $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
endif()
# GCC 12 sees overlaps in std::string's operator+ that are not there
# (https://gcc.gnu.org/PR105651); 13 does not.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION
                                            VERSION_LESS 13)
  add_compile_options(-Wno-restrict)
endif()
set(CMAKE_COMPILE_WARNING_AS_ERROR ${WAYBILL_WARNINGS_AS_ERRORS})

if(WAYBILL_SANITIZE)
  add_compile_options(-fsanitize=${WAYBILL_SANITIZE} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${WAYBILL_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    add_compile_options(
      "-fsanitize-ignorelist=${CMAKE_CURRENT_LIST_DIR}/sanitizer_ignorelist.txt"
    )
  endif()
  # With sanitizers GCC 12 takes members of a std::variant that it does not hold
  # for values that are used.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-maybe-uninitialized)
  endif()
endif()

# Has headers parsed once for all sources of a target, if that is wanted.
function(waybill_precompile target)
  if(WAYBILL_PRECOMPILE)
    target_precompile_headers(${target} PRIVATE ${ARGN})
    # ccache asks for these.
    target_compile_options(
      ${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>
                        "$<$<CXX_COMPILER_ID:Clang>:SHELL:-Xclang -fno-pch-timestamp>")
  endif()
endfunction()

# Declares the library waybill::<name>; its directory adds sources and headers.
function(waybill_add_library name)
  add_library(waybill_${name})
  add_library(waybill::${name} ALIAS waybill_${name})
  target_compile_features(waybill_${name} PUBLIC cxx_std_20)
  # What runs most is optimized also where the rest is not.
  if(WAYBILL_SANITIZE AND name STREQUAL "persistence")
    target_compile_options(waybill_${name} PRIVATE -O1)
  endif()
  # libFuzzer follows the ways through it; to know what is compared, which takes a
  # fifth of the time to compile, helps it in the parsers.
  if(WAYBILL_FUZZ)
    set(followed -fsanitize-coverage=edge,inline-8bit-counters,pc-table)
    if(name STREQUAL "messages")
      set(followed -fsanitize=fuzzer-no-link)
    endif()
    target_compile_options(waybill_${name} PRIVATE ${followed})
  endif()
  # Before 1.0 every minor version may change the binary interface.
  set_target_properties(
    waybill_${name}
    PROPERTIES EXPORT_NAME ${name}
               VERSION ${PROJECT_VERSION}
               SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
endfunction()
