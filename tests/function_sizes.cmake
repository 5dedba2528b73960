# Proves that no function of the libraries is longer than 60 lines. It goes by
# clang-format's indentation, of functions outside of classes and in them.
#
# cmake -D root=<source dir> -P function_sizes.cmake

cmake_minimum_required(VERSION 3.25)

set(most_lines 60)
set(broken "")

foreach(folder IN ITEMS messages persistence actors dashboard)
  file(GLOB files "${root}/${folder}/waybill/*.[ch]pp")
  if(NOT files)
    message(FATAL_ERROR "found no sources in ${root}/${folder}/waybill")
  endif()
  foreach(file IN LISTS files)
    file(READ "${file}" text)
    # What CMake would take for the structure of a list.
    string(REGEX REPLACE "[][;\\]" "." text "${text}")
    string(REPLACE "\n" ";" lines "${text}")
    set(number 0)
    # Where the last thing at each indentation began.
    set(begin_0 0)
    set(begin_2 0)
    foreach(line IN LISTS lines)
      math(EXPR number "${number} + 1")
      if(line MATCHES "^[^ }#/]")
        set(begin_0 ${number})
      elseif(line MATCHES "^  [^ }#/:]")
        set(begin_2 ${number})
      elseif(line MATCHES "^(  )?}$")
        string(LENGTH "${CMAKE_MATCH_1}" indentation)
        set(begin ${begin_${indentation}})
        math(EXPR length "${number} - ${begin}")
        if(length GREATER most_lines)
          cmake_path(RELATIVE_PATH file BASE_DIRECTORY "${root}"
                     OUTPUT_VARIABLE name)
          string(APPEND broken "\n  ${name}:${begin}: ${length} lines")
        endif()
      endif()
    endforeach()
  endforeach()
endforeach()

if(broken)
  message(FATAL_ERROR "functions of more than ${most_lines} lines:${broken}")
endif()
