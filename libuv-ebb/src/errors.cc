// Error numbers: on Unix a libuv error is a negated errno; a few of its own lie below them.
#include <cstdio>

#include "src/memory.h"
#include "src/text.h"
#include "uv.h"

namespace {

struct ErrorInfo {
  int number;
  const char* name;
  const char* text;
};

constexpr ErrorInfo kErrors[] = {
#define EBB_ERROR(name, text) {UV_##name, #name, text},
    UV_ERRNO_MAP(EBB_ERROR)
#undef EBB_ERROR
};

const ErrorInfo* Find(int error) {
  for (const ErrorInfo& info : kErrors) {
    if (info.number == error) return &info;
  }
  return nullptr;
}

// Kept for the life of the program, as callers expect of a name.
const char* UnknownName(int error) {
  char text[64];
  std::snprintf(text, sizeof(text), "Unknown system error %d", error);
  const char* copy = ebb::uv::CopyString(text);
  return copy == nullptr ? "Unknown system error" : copy;
}

char* Describe(const char* text, int error, char* buffer, size_t size) {
  if (text != nullptr)
    ebb::uv::CopyText(buffer, size, text);
  else
    std::snprintf(buffer, size, "Unknown system error %d", error);
  return buffer;
}

}  // namespace

const char* uv_strerror(int err) {
  const ErrorInfo* info = Find(err);
  return info == nullptr ? UnknownName(err) : info->text;
}

char* uv_strerror_r(int err, char* buf, size_t buflen) {
  const ErrorInfo* info = Find(err);
  return Describe(info == nullptr ? nullptr : info->text, err, buf, buflen);
}

const char* uv_err_name(int err) {
  const ErrorInfo* info = Find(err);
  return info == nullptr ? UnknownName(err) : info->name;
}

char* uv_err_name_r(int err, char* buf, size_t buflen) {
  const ErrorInfo* info = Find(err);
  return Describe(info == nullptr ? nullptr : info->name, err, buf, buflen);
}

int uv_translate_sys_error(int sys_errno) { return sys_errno <= 0 ? sys_errno : -sys_errno; }
