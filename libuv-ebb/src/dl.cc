// Shared libraries.
#include <dlfcn.h>

#include "src/memory.h"
#include "uv.h"

namespace {

int Outcome(uv_lib_t* lib) {
  ebb::uv::Free(lib->errmsg);
  lib->errmsg = nullptr;
  const char* error = dlerror();
  if (error == nullptr) return 0;
  lib->errmsg = ebb::uv::CopyString(error);
  return -1;
}

}  // namespace

int uv_dlopen(const char* filename, uv_lib_t* lib) {
  dlerror();
  lib->errmsg = nullptr;
  lib->handle = dlopen(filename, RTLD_LAZY);
  return lib->handle != nullptr ? 0 : Outcome(lib);
}

void uv_dlclose(uv_lib_t* lib) {
  ebb::uv::Free(lib->errmsg);
  lib->errmsg = nullptr;
  if (lib->handle == nullptr) return;
  dlclose(lib->handle);
  lib->handle = nullptr;
}

int uv_dlsym(uv_lib_t* lib, const char* name, void** ptr) {
  dlerror();
  *ptr = dlsym(lib->handle, name);
  // A symbol's value may be null: only dlerror tells.
  return *ptr != nullptr ? 0 : Outcome(lib);
}

const char* uv_dlerror(const uv_lib_t* lib) { return lib->errmsg == nullptr ? "no error" : lib->errmsg; }
