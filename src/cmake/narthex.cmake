# One static library per room, one test program per room, the same warnings for all.

add_library(narthex_options INTERFACE)
target_compile_options(narthex_options INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor -Werror
  # No reassociation and no fused multiply-add: results must equal Prometheus's bit for bit.
  -ffp-contract=off)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(narthex_options INTERFACE -Wthread-safety)
else()
  # GCC 12 takes Asio's allocation of coroutine frames for a mismatch once it inlines.
  target_compile_options(narthex_options INTERFACE -Wno-mismatched-new-delete)
  # At -O3 also the short buffer of a moved std::string for the whole object (GCC PR 105329).
  target_compile_options(narthex_options INTERFACE
    $<$<CONFIG:Release>:-Wno-array-bounds;-Wno-stringop-overflow;-Wno-stringop-overread>)
endif()
if(NARTHEX_SANITIZE)
  target_compile_options(narthex_options INTERFACE
    -fsanitize=${NARTHEX_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all
    # The instrumentation hides initialisations from GCC's flow analysis.
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
    # What Clang 14 puts before each function for this check it can't put before parts of a coroutine.
    $<$<CXX_COMPILER_ID:Clang>:-fno-sanitize=function>)
  target_link_options(narthex_options INTERFACE -fsanitize=${NARTHEX_SANITIZE})
  # The warnings of -O3 above come with the instrumentation, too.
  set(quiet -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread)
  if(NARTHEX_SANITIZE MATCHES "thread")
    # GCC's -Wtsan warns about std::atomic_thread_fence inside library headers.
    list(PREPEND quiet -Wno-tsan)
  endif()
  target_compile_options(narthex_options INTERFACE "$<$<CXX_COMPILER_ID:GNU>:${quiet}>")
endif()
if(NARTHEX_FUZZ)
  # Every room counts which of its branches were taken; main comes with the fuzz targets alone.
  target_compile_options(narthex_options INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(narthex_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
# narthex_timeout(<variable> <seconds>): a test's time limit; programs with sanitizers are slow.
function(narthex_timeout variable seconds)
  if(NARTHEX_SANITIZE)
    math(EXPR seconds "${seconds} * 10")
  endif()
  set(${variable} ${seconds} PARENT_SCOPE)
endfunction()
target_include_directories(narthex_options INTERFACE
  ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR})

# narthex_module(<room> DEPS <visible in its doors> PRIVATE_DEPS <only in its .cc files>)
# The library narthex_<room> (alias narthex::<room>) of every .cc below the calling folder.
function(narthex_module name)
  cmake_parse_arguments(ARG "" "" "DEPS;PRIVATE_DEPS;EXCLUDE" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  foreach(pattern ${ARG_EXCLUDE})
    list(FILTER sources EXCLUDE REGEX ${pattern})
  endforeach()
  if(NOT sources)
    add_library(narthex_${name} INTERFACE)
    add_library(narthex::${name} ALIAS narthex_${name})
    target_link_libraries(narthex_${name} INTERFACE ${ARG_DEPS})
    return()
  endif()
  add_library(narthex_${name} STATIC ${sources})
  add_library(narthex::${name} ALIAS narthex_${name})
  target_link_libraries(narthex_${name} PUBLIC ${ARG_DEPS} PRIVATE narthex_options ${ARG_PRIVATE_DEPS})
  target_precompile_headers(narthex_${name} PRIVATE ${PROJECT_SOURCE_DIR}/src/cmake/pch.h)
endfunction()

# narthex_test(<room> DEPS …): the program <room>_test of every *_test.cc below the calling folder.
function(narthex_test name)
  cmake_parse_arguments(ARG "" "" "DEPS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  if(NOT sources)
    return()
  endif()
  add_executable(${name}_test ${sources})
  target_link_libraries(${name}_test PRIVATE
    narthex_options narthex_test_support ${ARG_DEPS} GTest::gtest GTest::gtest_main)
  target_precompile_headers(${name}_test PRIVATE ${PROJECT_SOURCE_DIR}/src/cmake/test_pch.h)
  narthex_timeout(timeout 120)
  gtest_discover_tests(${name}_test TEST_PREFIX ${name}. DISCOVERY_MODE PRE_TEST
    PROPERTIES TIMEOUT ${timeout}
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
endfunction()
