# EBB_SANITIZE: sanitizers of everything that runs on the host, tests included: `address,undefined`, `undefined` or `thread`. What runs in
# a guest's address space has no room for them: ebb_never_sanitized(<target>...).
set(EBB_SANITIZE "" CACHE STRING "Sanitizers of hosted code, as for -fsanitize=")

if(EBB_SANITIZE)
  # vptr wants type information of classes that a test only names. -Wno-...: GCC sees paths through the added checks that cannot be taken.
  add_compile_options(-fsanitize=${EBB_SANITIZE} -fno-sanitize=vptr -fno-sanitize-recover=all -fno-omit-frame-pointer -g1
    -Wno-maybe-uninitialized)
  add_link_options(-fsanitize=${EBB_SANITIZE})
endif()

function(ebb_never_sanitized)
  if(EBB_SANITIZE)
    foreach(target IN LISTS ARGN)
      target_compile_options(${target} PRIVATE -fno-sanitize=all)
      get_target_property(type ${target} TYPE)
      if(type STREQUAL "EXECUTABLE")
        target_link_options(${target} PRIVATE -fno-sanitize=all)
      endif()
    endforeach()
  endif()
endfunction()
