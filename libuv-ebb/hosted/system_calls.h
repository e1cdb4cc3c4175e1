// Running a libc call for its result: interrupted ones again, failures as negative errno.
#pragma once

#include <sys/types.h>

#include <cerrno>

namespace ebb::uv {

template <class Call>
auto Retried(Call call) -> decltype(call()) {
  decltype(call()) result;
  do result = call();
  while (result == -1 && errno == EINTR);
  return result == -1 ? static_cast<decltype(call())>(-errno) : result;
}

}  // namespace ebb::uv
