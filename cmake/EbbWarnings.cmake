# ebb_warnings: link it (PRIVATE) into every target of ours. Any warning is an error; code that is not ours comes in as
# SYSTEM headers and is not judged.
add_library(ebb_warnings INTERFACE)
target_compile_options(
  ebb_warnings
  INTERFACE
    -Wall
    -Wextra
    -Werror
    $<$<COMPILE_LANGUAGE:CXX,C>:-Wshadow>
    $<$<COMPILE_LANGUAGE:CXX,C>:-Wconversion>
    $<$<COMPILE_LANGUAGE:CXX,C>:-Wcast-align>
    $<$<COMPILE_LANGUAGE:CXX,C>:-Wimplicit-fallthrough>
    $<$<COMPILE_LANGUAGE:CXX>:-Woverloaded-virtual>
)
