// How the program's calls of libuv come here: the image builder has overwritten each uv_* entry of the program with a
// jump through a slot, and has written the address of the slots to ebb_uv_slots (images/src/libuv/redirect.ts). The
// slots are filled when this library is initialised: ld.so preloads it, so that is before any initialiser of the
// program, some of which call uv_hrtime.
#include <dlfcn.h>

#include <cstddef>

#include "src/version.h"
#include "uv.h"

// Node 20 asks whether a loop submits to io_uring on its own threads, outside uv.h.
extern "C" int uv__node_patch_is_using_io_uring(const uv_loop_t*);

int uv__node_patch_is_using_io_uring(const uv_loop_t*) { return 0; }

extern "C" {
// Read and written by the image builder, found by name.
__attribute__((visibility("default"))) extern const char ebb_uv_names[];
__attribute__((visibility("default"))) extern void** ebb_uv_slots;
}

// By symbol: uv.h overloads one of the functions for C++.
#define EBB_UV_GROUP(title)
#define EBB_UV(name, how) extern "C" char symbol_##name __asm__(#name);
#include "functions.inc"
#undef EBB_UV

namespace {

#define EBB_UV(name, how) &symbol_##name,
void* const kFunctions[] = {
#include "functions.inc"
    reinterpret_cast<void*>(&uv__node_patch_is_using_io_uring),
};
#undef EBB_UV

__attribute__((constructor(102))) void FillSlots() {
  if (ebb_uv_slots == nullptr) __builtin_trap();  // not prepared by the image builder
  for (size_t i = 0; i < sizeof(kFunctions) / sizeof(kFunctions[0]); ++i) ebb_uv_slots[i] = kFunctions[i];
  // The program's own is not redirected.
  if (void* version = dlsym(RTLD_DEFAULT, "uv_version"); version != nullptr)
    ebb::uv::interface_version = reinterpret_cast<unsigned (*)()>(version)();
}

}  // namespace

// One NAME=how per function, each NUL-terminated.
#define EBB_UV(name, how) #name "=" #how "\0"
const char ebb_uv_names[] =
#include "functions.inc"
    "uv__node_patch_is_using_io_uring=Pure\0";
#undef EBB_UV

// In the file, not in .bss.
__attribute__((section(".data"))) void** ebb_uv_slots = nullptr;
