# Virtual machines whose whole state is a client's snapshot: QEMU by QMP.
find_package(nlohmann_json QUIET)
if(NOT nlohmann_json_FOUND)
  message(STATUS "no nlohmann-json3-dev: no virtual machines")
  return()
endif()

add_library(belay_vm STATIC guest.cc qmp.cc vm.cc vm_driver.cc)
target_link_libraries(belay_vm PUBLIC belay_flags belay_static nlohmann_json::nlohmann_json)
set(BELAY_BUILD_GUEST ${CMAKE_CURRENT_LIST_DIR}/guest/build-guest)
install(PROGRAMS guest/build-guest guest/init DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/belay)

if(BELAY_TESTS)
  add_executable(qmp_test qmp_test.cc)
  target_link_libraries(qmp_test PRIVATE belay_vm GTest::gtest GTest::gtest_main)
  add_test(NAME qmp_test COMMAND qmp_test)
  set_tests_properties(qmp_test PROPERTIES LABELS unit TIMEOUT 60)

  # The program that the test runs in a guest.
  add_executable(vm_guest vm_guest.cc)
  target_link_libraries(vm_guest PRIVATE belay_flags)
  add_executable(vm_test vm_test.cc)
  target_link_libraries(vm_test PRIVATE belay_vm GTest::gtest)
  add_dependencies(vm_test vm_guest)
  if(NOT BELAY_SANITIZE)
    add_test(NAME vm_test COMMAND vm_test ${BELAY_BUILD_GUEST} ${PROJECT_SOURCE_DIR}/build/guest
      $<TARGET_FILE:vm_guest>)
    set_tests_properties(vm_test PROPERTIES LABELS vm TIMEOUT 300 SKIP_RETURN_CODE 77)
  endif()
endif()
