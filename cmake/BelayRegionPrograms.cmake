# Programs with regions, and what they are compared with, where the project's compiler is another.

# Compiles a target's C and C++ with these instead of the project's own; links as before.
function(belay_compile_with target c cxx)
  set(launcher ${PROJECT_SOURCE_DIR}/cmake/other_compiler.sh)
  set_target_properties(${target} PROPERTIES
    C_COMPILER_LAUNCHER "${launcher};${c}" CXX_COMPILER_LAUNCHER "${launcher};${cxx}")
endfunction()

# What belay_instrument() does for users, whose compiler is clang: undo logging for a target's code.
function(belay_region_program target)
  # Spelled out: these properties take no generator expression.
  set(folder ${PROJECT_BINARY_DIR}/src/compiler)
  belay_compile_with(${target} ${folder}/belay-cc ${folder}/belay-c++)
  target_link_libraries(${target} PRIVATE Belay::region)
  add_dependencies(${target} belay_compiler)
  # Compiled again with another plugin; a file of several sources would lose their OBJECT_DEPENDS.
  set_target_properties(${target} PROPERTIES UNITY_BUILD OFF)
  get_target_property(sources ${target} SOURCES)
  set_property(SOURCE ${sources} APPEND PROPERTY
    OBJECT_DEPENDS ${folder}/libbelay_compiler.so)
endfunction()

# clang 19 without the plugin: so that a comparison is of undo, not of compilers.
function(belay_plain_clang target)
  belay_compile_with(${target} clang-19 clang++-19)
endfunction()
