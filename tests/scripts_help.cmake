# Proves that each script answers --help with what it says of itself, from a
# tree in which nothing is built, and makes nothing.
#
# cmake -D root=<source dir> -D scratch=<folder> -P scripts_help.cmake

cmake_minimum_required(VERSION 3.25)

file(REMOVE_RECURSE "${scratch}")
file(COPY "${root}/scripts" DESTINATION "${scratch}")
file(GLOB scripts "${scratch}/scripts/*.sh")
list(FILTER scripts EXCLUDE REGEX "/lib\\.sh$") # what they share
if(NOT scripts)
  message(FATAL_ERROR "found no scripts in ${root}/scripts")
endif()

foreach(script IN LISTS scripts)
  cmake_path(GET script FILENAME name)
  foreach(option IN ITEMS --help -h)
    execute_process(
      COMMAND "${script}" ${option}
      RESULT_VARIABLE result
      OUTPUT_VARIABLE out
      ERROR_VARIABLE err)
    file(STRINGS "${script}" lines LIMIT_COUNT 2)
    list(GET lines 1 first)
    string(REGEX REPLACE "^# " "" first "${first}")
    string(FIND "${out}" "${first}\n" at)
    if(NOT result EQUAL 0
       OR NOT err STREQUAL ""
       OR NOT at EQUAL 0
       OR out MATCHES "(^|\n)#")
      message(FATAL_ERROR "${name} ${option} ends with ${result}:\n${out}${err}")
    endif()
  endforeach()
endforeach()

file(GLOB made "${scratch}/*")
if(NOT made STREQUAL "${scratch}/scripts")
  message(FATAL_ERROR "asked for help, scripts have made ${made}")
endif()
file(REMOVE_RECURSE "${scratch}")
