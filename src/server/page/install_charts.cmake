# cmake -DPAGE=FOLDER -DNPM=PROGRAM -P install_charts.cmake: puts the chart library, as the lock
# file names it, beside the page's files. Without npm or the network the page has no charts
# and says so.
if(NPM)
  execute_process(
    COMMAND ${NPM} ci --ignore-scripts --no-audit --no-fund --fetch-retries=0 --fetch-timeout=20000
    WORKING_DIRECTORY ${PAGE}/npm TIMEOUT 60 RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
else()
  set(failed "there is no npm")
endif()
set(library ${PAGE}/npm/node_modules/uplot/dist)
if(failed OR NOT EXISTS ${library}/uPlot.esm.js)
  message(STATUS "The page of belay serve has no charts: npm ci: ${failed}")
  return()
endif()
configure_file(${library}/uPlot.esm.js ${PAGE}/files/uplot.js COPYONLY)
configure_file(${library}/uPlot.min.css ${PAGE}/files/uplot.css COPYONLY)
