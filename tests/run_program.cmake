# Runs a program in a folder of its own: it must end with 0, and its output must
# contain a text. (CTest looks at one of the two only.)
#
# cmake -D program=<file> -D expected=<text> -P run_program.cmake

cmake_minimum_required(VERSION 3.25)

set(folder "${program}.scratch")
file(REMOVE_RECURSE "${folder}")
file(MAKE_DIRECTORY "${folder}")
execute_process(
  COMMAND "${program}"
  WORKING_DIRECTORY "${folder}"
  OUTPUT_VARIABLE output
  RESULT_VARIABLE result)
file(REMOVE_RECURSE "${folder}")
message(STATUS "${output}")
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${program} ended with ${result}")
endif()
string(FIND "${output}" "${expected}" at)
if(at EQUAL -1)
  message(FATAL_ERROR "${program} does not say ${expected}")
endif()
