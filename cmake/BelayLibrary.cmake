# libbelay.so, and belay_static for the tests and the command: the same objects.
get_property(layers GLOBAL PROPERTY BELAY_LAYERS)
set(objects)
foreach(layer ${layers})
  list(APPEND objects $<TARGET_OBJECTS:${layer}>)
endforeach()

add_library(belay_static STATIC ${objects})
target_link_libraries(belay_static PUBLIC belay_flags)

add_library(belay SHARED ${objects})
add_library(Belay::belay ALIAS belay)
# Bound at once: a rollback may not resolve names in memory that it is about to replace.
target_link_options(belay PRIVATE -Wl,-z,now -Wl,-z,defs
  -Wl,-z,start-stop-visibility=hidden -Wl,-z,nodelete
  -Wl,--build-id
  -Wl,--version-script=${CMAKE_CURRENT_LIST_DIR}/belay.map
  $<$<BOOL:${BELAY_SANITIZE}>:-fsanitize=${BELAY_SANITIZE}>)
set_target_properties(belay PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION 0)
set_property(TARGET belay APPEND PROPERTY LINK_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/belay.map)
