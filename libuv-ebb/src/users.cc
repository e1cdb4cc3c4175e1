// Users and groups.
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "src/memory.h"
#include "uv.h"

namespace ebb::uv {
namespace {

constexpr size_t kFirstSize = 2000;

// Calls `get(buffer, size, &found)` with more and more room. 0 with *found, or an error; the caller frees *buffer.
template <class Entry, class Get>
int Lookup(char** buffer, Entry** found, Get get) {
  *buffer = nullptr;
  for (size_t size = kFirstSize;; size *= 2) {
    Free(*buffer);
    *buffer = AllocateFor<char>(size);
    if (*buffer == nullptr) return UV_ENOMEM;
    int error;
    do error = get(*buffer, size, found);
    while (error == EINTR);
    if (error == ERANGE) continue;
    if (error == 0 && *found != nullptr) return 0;
    Free(*buffer);
    *buffer = nullptr;
    return error != 0 ? -error : static_cast<int>(UV_ENOENT);
  }
}

char* Append(char** at, const char* text) {
  char* start = *at;
  const size_t size = std::strlen(text) + 1;
  std::memcpy(start, text, size);
  *at += size;
  return start;
}

}  // namespace
}  // namespace ebb::uv

using namespace ebb::uv;

int uv_os_get_passwd2(uv_passwd_t* pwd, uv_uid_t uid) {
  if (pwd == nullptr) return UV_EINVAL;
  passwd entry;
  passwd* found;
  char* buffer;
  const int error = Lookup(&buffer, &found, [&](char* room, size_t size, passwd** result) {
    return getpwuid_r(uid, &entry, room, size, result);
  });
  if (error != 0) return error;
  char* text =
      AllocateFor<char>(std::strlen(entry.pw_name) + std::strlen(entry.pw_dir) + std::strlen(entry.pw_shell) + 3);
  if (text != nullptr) {
    pwd->username = Append(&text, entry.pw_name);
    pwd->homedir = Append(&text, entry.pw_dir);
    pwd->shell = Append(&text, entry.pw_shell);
    pwd->uid = entry.pw_uid;
    pwd->gid = entry.pw_gid;
  }
  Free(buffer);
  return text == nullptr ? static_cast<int>(UV_ENOMEM) : 0;
}

int uv_os_get_passwd(uv_passwd_t* pwd) { return uv_os_get_passwd2(pwd, geteuid()); }

void uv_os_free_passwd(uv_passwd_t* pwd) {
  if (pwd == nullptr) return;
  // The name is where the block begins.
  Free(pwd->username);
  pwd->username = nullptr;
  pwd->shell = nullptr;
  pwd->homedir = nullptr;
}

int uv_os_get_group(uv_group_t* grp, uv_uid_t gid) {
  if (grp == nullptr) return UV_EINVAL;
  group entry;
  group* found;
  char* buffer;
  const int error = Lookup(&buffer, &found, [&](char* room, size_t size, group** result) {
    return getgrgid_r(gid, &entry, room, size, result);
  });
  if (error != 0) return error;
  size_t members = 0;
  size_t size = std::strlen(entry.gr_name) + 1;
  for (; entry.gr_mem[members] != nullptr; ++members) size += std::strlen(entry.gr_mem[members]) + 1;
  // The list of members, then all names.
  auto* block = AllocateFor<char>((members + 1) * sizeof(char*) + size);
  if (block != nullptr) {
    grp->members = reinterpret_cast<char**>(block);
    char* text = block + (members + 1) * sizeof(char*);
    for (size_t i = 0; i < members; ++i) grp->members[i] = Append(&text, entry.gr_mem[i]);
    grp->members[members] = nullptr;
    grp->groupname = Append(&text, entry.gr_name);
    grp->gid = entry.gr_gid;
  }
  Free(buffer);
  return block == nullptr ? static_cast<int>(UV_ENOMEM) : 0;
}

void uv_os_free_group(uv_group_t* grp) {
  if (grp == nullptr) return;
  Free(grp->members);
  grp->members = nullptr;
  grp->groupname = nullptr;
}
