# The files of the page, and the chart library from npm, in one folder of the build.
set(page_here ${CMAKE_CURRENT_LIST_DIR})
set(page_build ${PROJECT_BINARY_DIR}/page)
set(page_names index.html icon.svg page.css charts.js client_list.js keys.js page.js state.js
  text.js timeline.js tree.js)
list(TRANSFORM page_names PREPEND ${page_here}/ OUTPUT_VARIABLE page_files)
find_program(npm npm)

add_custom_command(OUTPUT ${page_build}/charts.stamp
  COMMAND ${CMAKE_COMMAND} -E make_directory ${page_build}/npm ${page_build}/files
  COMMAND ${CMAKE_COMMAND} -E copy ${page_here}/package.json ${page_here}/package-lock.json
    ${page_build}/npm
  COMMAND ${CMAKE_COMMAND} -DPAGE=${page_build} "-DNPM=$<$<BOOL:${npm}>:${npm}>"
    -P ${page_here}/install_charts.cmake
  COMMAND ${CMAKE_COMMAND} -E touch ${page_build}/charts.stamp
  DEPENDS ${page_here}/package.json ${page_here}/package-lock.json
    ${page_here}/install_charts.cmake
  COMMENT "The page's charts, from npm" VERBATIM)
add_custom_command(OUTPUT ${page_build}/files.stamp
  COMMAND ${CMAKE_COMMAND} -E make_directory ${page_build}/files
  COMMAND ${CMAKE_COMMAND} -E copy ${page_files} ${page_build}/files
  COMMAND ${CMAKE_COMMAND} -E touch ${page_build}/files.stamp
  DEPENDS ${page_files} VERBATIM)
add_custom_target(belay_page ALL DEPENDS ${page_build}/files.stamp ${page_build}/charts.stamp)
install(DIRECTORY ${page_build}/files/ DESTINATION ${CMAKE_INSTALL_DATADIR}/belay/page)
