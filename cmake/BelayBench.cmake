# belay_bench(NAME SUITE suite... SOURCES ... [LIBRARIES ...]): one benchmark program. It prints a
# row of JSON a line (bench/report.py says which fields), takes --quick, and belongs to
# `script/bench suite` of each. CTest runs it with --quick as a smoke test, label "bench".
function(belay_bench name)
  cmake_parse_arguments(arg "" "" "SUITE;SOURCES;LIBRARIES" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE belay_flags ${arg_LIBRARIES})
  # script/bench reads which programs make up a suite from here.
  foreach(suite ${arg_SUITE})
    set_property(GLOBAL APPEND PROPERTY BELAY_SUITES ${suite})
    set_property(GLOBAL APPEND PROPERTY BELAY_SUITE_${suite} $<TARGET_FILE:${name}>)
  endforeach()
  if(BELAY_TESTS)
    add_test(NAME bench.${name} COMMAND ${Python3_EXECUTABLE} -B
      ${PROJECT_SOURCE_DIR}/bench/report.py --check -- $<TARGET_FILE:${name}> --quick)
    set_tests_properties(bench.${name} PROPERTIES LABELS bench TIMEOUT 120 SKIP_RETURN_CODE 77)
  endif()
endfunction()

# Writes bench/suites/SUITE.txt in the build folder, one program a line.
function(belay_write_suites)
  get_property(suites GLOBAL PROPERTY BELAY_SUITES)
  list(REMOVE_DUPLICATES suites)
  foreach(suite ${suites})
    get_property(programs GLOBAL PROPERTY BELAY_SUITE_${suite})
    list(JOIN programs "\n" lines)
    file(GENERATE OUTPUT ${PROJECT_BINARY_DIR}/bench/suites/${suite}.txt CONTENT "${lines}\n")
  endforeach()
endfunction()
