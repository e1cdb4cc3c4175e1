# ebb_hosted_test(<name> <sources>... [LIBRARIES <targets>...] [DEFINITIONS <name=value>...] [SERIAL])
#
# A GoogleTest program that runs on the host. Each of its cases is one test of ctest. SERIAL keeps all others from
# running at the same time: for tests that measure time or count processes. A case that cannot run here ends with
# GTEST_SKIP() << "reason", which the totals of `npm test` show.
find_package(GTest REQUIRED)
include(GoogleTest)

# Listed when ctest starts, not when linked: a test that cannot even list its cases must not break the build.
set(CMAKE_GTEST_DISCOVER_TESTS_DISCOVERY_MODE PRE_TEST)

function(ebb_hosted_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "SERIAL" "" "LIBRARIES;DEFINITIONS")
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}/libos-node")
  target_compile_definitions(${name} PRIVATE ${arg_DEFINITIONS})
  target_link_libraries(${name} PRIVATE ${arg_LIBRARIES} ebb_warnings GTest::gtest_main)
  set(properties TIMEOUT 120)
  if(arg_SERIAL)
    list(APPEND properties RUN_SERIAL ON)
  endif()
  gtest_discover_tests(${name} TEST_PREFIX "${name}: " PROPERTIES ${properties})
endfunction()
