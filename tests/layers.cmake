# Proves by the #include lines that dependencies point one way (actors and
# dashboard to persistence to messages), that CAF stays in the actors,
# libmicrohttpd in one file, and that the seam alone tests CAF's version.
#
# cmake -D root=<source dir> -P layers.cmake

cmake_minimum_required(VERSION 3.25)

set(broken "")

function(files_of out)
  list(TRANSFORM ARGN REPLACE "(.+)" "${root}/\\1/*.[ch]pp")
  file(GLOB_RECURSE files ${ARGN})
  if(NOT files)
    message(FATAL_ERROR "found no sources below ${root}")
  endif()
  set(${out} "${files}" PARENT_SCOPE)
endfunction()

# Fails for each of `files` with a line that matches `regex`.
function(refuse regex reason)
  foreach(file IN LISTS ARGN)
    file(STRINGS "${file}" lines REGEX "${regex}")
    foreach(line IN LISTS lines)
      cmake_path(RELATIVE_PATH file BASE_DIRECTORY "${root}")
      string(APPEND broken "\n  ${file}: ${line}\n    ${reason}")
    endforeach()
  endforeach()
  set(broken "${broken}" PARENT_SCOPE)
endfunction()

# A regex for including any header of the folder.
function(includes_of folder out)
  file(GLOB headers RELATIVE "${root}/${folder}" "${root}/${folder}/waybill/*.hpp")
  string(REPLACE "." "\\." headers "${headers}")
  string(REPLACE ";" "|" headers "${headers}")
  set(${out} "#[ \t]*include[ \t]*[<\"](${headers})[>\"]" PARENT_SCOPE)
endfunction()

files_of(messages messages)
files_of(persistence persistence)
files_of(dashboard dashboard)
# Folders that the tree may have.
set(more "")
foreach(folder IN ITEMS bench tools)
  if(EXISTS "${root}/${folder}")
    list(APPEND more "${folder}")
  endif()
endforeach()
files_of(others actors examples tests ${more})
list(FILTER others EXCLUDE REGEX "/actors/waybill/caf_(content|interception|seam)\\.[ch]pp$")

includes_of(persistence persistence_headers)
includes_of(actors actor_headers)
includes_of(dashboard dashboard_headers)
set(caf "#[ \t]*include[ \t]*[<\"]caf/")
set(caf_version "CAF_((MAJOR|MINOR|PATCH)_)?VERSION|WAYBILL_CAF_1")

refuse("${caf}" "CAF belongs in actors/" ${messages} ${persistence}
       ${dashboard})
refuse("${persistence_headers}" "messages/ knows no persistence" ${messages})
refuse("${actor_headers}" "only actors/ knows the actors" ${messages}
       ${persistence} ${dashboard})
file(GLOB_RECURSE actors "${root}/actors/*.[ch]pp")
refuse("${dashboard_headers}" "only tools/ knows the dashboard" ${messages}
       ${persistence} ${actors})
set(not_server ${dashboard})
list(FILTER not_server EXCLUDE REGEX "/http_server\\.cpp$")
refuse("microhttpd\\.h" "only http_server.cpp knows libmicrohttpd" ${messages}
       ${persistence} ${not_server})
refuse("${caf_version}" "only the seam, actors/waybill/caf_*, tests the version"
       ${messages} ${persistence} ${dashboard} ${others})

# Threads meet under ThreadSanitizer only in tests that say so.
foreach(area dashboard messages persistence)
  files_of(tests tests/${area})
  foreach(file IN LISTS tests)
    file(READ "${file}" text)
    if(text MATCHES "std::(thread|jthread|async)|begin_commit|event_feed"
       AND NOT text MATCHES "\\[threads\\]")
      cmake_path(RELATIVE_PATH file BASE_DIRECTORY "${root}")
      string(APPEND broken
             "\n  ${file}: has threads, and no test that is tagged [threads]")
    endif()
  endforeach()
endforeach()

if(broken)
  message(FATAL_ERROR "wrong dependencies:${broken}")
endif()
