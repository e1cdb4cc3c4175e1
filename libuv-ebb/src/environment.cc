// The environment, and what is found by way of it.
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "src/memory.h"
#include "src/text.h"
#include "uv.h"

extern char** environ;

using namespace ebb::uv;

int uv_os_environ(uv_env_item_t** envitems, int* count) {
  *envitems = nullptr;
  *count = 0;
  size_t entries = 0;
  while (environ != nullptr && environ[entries] != nullptr) ++entries;
  if (entries == 0) return 0;
  auto* items = static_cast<uv_env_item_t*>(AllocateZeroed(entries, sizeof(uv_env_item_t)));
  if (items == nullptr) return UV_ENOMEM;
  int found = 0;
  for (size_t i = 0; i < entries; ++i) {
    // Name and value in one block, cut at the first '='.
    char* text = CopyString(environ[i]);
    if (text == nullptr) {
      uv_os_free_environ(items, found);
      return UV_ENOMEM;
    }
    char* equals = std::strchr(text, '=');
    if (equals == nullptr) {
      Free(text);
      continue;
    }
    *equals = '\0';
    items[found++] = {text, equals + 1};
  }
  *envitems = items;
  *count = found;
  return 0;
}

void uv_os_free_environ(uv_env_item_t* envitems, int count) {
  for (int i = 0; i < count; ++i) Free(envitems[i].name);
  Free(envitems);
}

int uv_os_getenv(const char* name, char* buffer, size_t* size) {
  if (name == nullptr || buffer == nullptr || size == nullptr || *size == 0) return UV_EINVAL;
  const char* value = std::getenv(name);
  return value == nullptr ? static_cast<int>(UV_ENOENT) : ReturnText(value, std::strlen(value), buffer, size);
}

int uv_os_setenv(const char* name, const char* value) {
  if (name == nullptr || value == nullptr) return UV_EINVAL;
  return setenv(name, value, 1) == 0 ? 0 : -errno;
}

int uv_os_unsetenv(const char* name) {
  if (name == nullptr) return UV_EINVAL;
  return unsetenv(name) == 0 ? 0 : -errno;
}

int uv_os_homedir(char* buffer, size_t* size) {
  if (buffer == nullptr || size == nullptr || *size == 0) return UV_EINVAL;
  const int result = uv_os_getenv("HOME", buffer, size);
  if (result != UV_ENOENT && !(result == 0 && buffer[0] == '\0')) return result;
  uv_passwd_t user;
  const int error = uv_os_get_passwd(&user);
  if (error != 0) return error;
  const int copied = ReturnText(user.homedir, std::strlen(user.homedir), buffer, size);
  uv_os_free_passwd(&user);
  return copied;
}

int uv_os_tmpdir(char* buffer, size_t* size) {
  if (buffer == nullptr || size == nullptr || *size == 0) return UV_EINVAL;
  const char* path = nullptr;
  for (const char* name : {"TMPDIR", "TMP", "TEMP", "TEMPDIR"}) {
    path = std::getenv(name);
    if (path != nullptr) break;
  }
  if (path == nullptr) path = "/tmp";
  size_t length = std::strlen(path);
  if (length > 1 && path[length - 1] == '/') --length;
  return ReturnText(path, length, buffer, size);
}
