#include "src/text.h"

#include <cstring>

#include "uv.h"

namespace ebb::uv {

long CopyText(char* buffer, size_t size, const char* text) {
  const size_t length = std::strlen(text);
  if (size == 0) return length == 0 ? 0 : UV_E2BIG;
  const bool fits = length < size;
  const size_t copied = fits ? length : size - 1;
  std::memcpy(buffer, text, copied);
  buffer[copied] = '\0';
  return fits ? static_cast<long>(copied) : static_cast<long>(UV_E2BIG);
}

int ReturnText(const char* text, size_t length, char* buffer, size_t* size) {
  if (length >= *size) {
    *size = length + 1;
    return UV_ENOBUFS;
  }
  std::memcpy(buffer, text, length);
  buffer[length] = '\0';
  *size = length;
  return 0;
}

}  // namespace ebb::uv
