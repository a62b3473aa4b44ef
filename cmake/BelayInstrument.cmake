# belay_instrument(TARGET ...): compiles the target's C and C++ sources with Belay's plugin, so that
# what they write in a region is undone with it, and links Belay::region. Wants clang 19. Part of
# the build and of the installed package, which sets BELAY_COMPILER_PLUGIN to the plugin's path.
function(belay_instrument)
  foreach(language C CXX)
    if(CMAKE_${language}_COMPILER AND NOT (CMAKE_${language}_COMPILER_ID STREQUAL "Clang" AND
        CMAKE_${language}_COMPILER_VERSION VERSION_GREATER_EQUAL 19 AND
        CMAKE_${language}_COMPILER_VERSION VERSION_LESS 20))
      message(FATAL_ERROR "belay_instrument: the compiler plugin is one for clang 19, and "
        "CMAKE_${language}_COMPILER is ${CMAKE_${language}_COMPILER_ID} "
        "${CMAKE_${language}_COMPILER_VERSION}. Configure with -DCMAKE_C_COMPILER=clang-19 "
        "-DCMAKE_CXX_COMPILER=clang++-19, or with belay-cc and belay-c++, which need no "
        "belay_instrument().")
    endif()
  endforeach()
  foreach(target ${ARGN})
    # -fplugin: loaded early, so that -mllvm -belay-... options are known.
    target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:C,CXX>:\
-fpass-plugin=${BELAY_COMPILER_PLUGIN};-fplugin=${BELAY_COMPILER_PLUGIN};\
-fno-discard-value-names>"
      # Templates that libstdc++ has compiled are compiled here as well, so that they log.
      "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-include belay/all_templates.h>")
    target_link_libraries(${target} PRIVATE Belay::region)
    # Another plugin makes other code.
    set_property(TARGET ${target} APPEND PROPERTY OBJECT_DEPENDS ${BELAY_COMPILER_PLUGIN})
  endforeach()
endfunction()
