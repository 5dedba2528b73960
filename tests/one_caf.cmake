# Fails if headers of more than one CAF went into this build, as happens when a
# header that the chosen CAF lacks is found in the system's include folder.
#
# cmake -D ninja=<ninja> -D build=<build dir> -P one_caf.cmake

cmake_minimum_required(VERSION 3.25)

execute_process(
  COMMAND "${ninja}" -C "${build}" -t deps
  COMMAND sed -nE "s,^ +(.*)/caf/([a-z_]+/)*[a-z_0-9]+\\.hpp$,\\1,p"
  COMMAND sort -u
  OUTPUT_VARIABLE roots
  OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)

if(roots MATCHES "\n")
  message(FATAL_ERROR "CAF headers come from several folders:\n${roots}")
endif()
