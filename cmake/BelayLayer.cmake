# belay_layer(NAME SOURCES ... [TESTS ...] [SANITIZERS ...]): one folder of src/ as an object
# library, and its unit tests as one executable NAME_test, registered with CTest under the label
# "unit". SANITIZERS: under which the tests run too. Raw threads and code in signal frames have none
# of the state that a sanitizer keeps for a thread, so layers that are about them name none.

add_library(belay_flags INTERFACE)
target_include_directories(belay_flags INTERFACE
  ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
target_compile_options(belay_flags INTERFACE
  -Wall -Wextra -Wno-missing-field-initializers -fvisibility=hidden -fno-strict-aliasing)
if(BELAY_SANITIZE)
  target_compile_options(belay_flags INTERFACE -fsanitize=${BELAY_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(belay_flags INTERFACE -fsanitize=${BELAY_SANITIZE})
endif()
if(BELAY_SANITIZE STREQUAL "undefined")
  # Tests have run-time types and the runtime has none, so comparing vtables' types can't work.
  target_compile_options(belay_flags INTERFACE -fno-sanitize-recover=undefined -fno-sanitize=vptr)
endif()

# What runs inside the user's process: no exceptions, no run-time types, nothing exported unasked.
add_library(belay_runtime_flags INTERFACE)
target_link_libraries(belay_runtime_flags INTERFACE belay_flags)
target_compile_options(belay_runtime_flags INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions -fno-rtti -fno-threadsafe-statics> -fno-stack-protector)

set_property(GLOBAL PROPERTY BELAY_LAYERS "")

function(belay_layer name)
  cmake_parse_arguments(arg "" "" "SOURCES;TESTS;SANITIZERS" ${ARGN})
  add_library(belay_${name} OBJECT ${arg_SOURCES})
  target_link_libraries(belay_${name} PRIVATE belay_runtime_flags)
  set_property(GLOBAL APPEND PROPERTY BELAY_LAYERS belay_${name})
  if(BELAY_TESTS AND arg_TESTS)
    add_executable(${name}_test ${arg_TESTS})
    target_link_libraries(${name}_test PRIVATE
      belay_flags belay_static GTest::gtest GTest::gtest_main)
    set_target_properties(${name}_test PROPERTIES UNITY_BUILD ON)  # gtest is most of their time
    if(NOT BELAY_SANITIZE OR BELAY_SANITIZE IN_LIST arg_SANITIZERS)
      add_test(NAME ${name}_test COMMAND ${name}_test)
      set_tests_properties(${name}_test PROPERTIES LABELS unit TIMEOUT 300)
    endif()
  endif()
endfunction()
