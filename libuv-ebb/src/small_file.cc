#include "src/small_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace ebb::uv {

long ReadSmallFile(const char* path, char* buffer, size_t size) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd == -1) return -errno;
  size_t length = 0;
  long error = 0;
  while (length < size - 1) {
    const ssize_t count = read(fd, buffer + length, size - 1 - length);
    if (count == -1 && errno == EINTR) continue;
    if (count == -1) error = -errno;
    if (count <= 0) break;
    length += static_cast<size_t>(count);
  }
  close(fd);
  buffer[length] = '\0';
  return error != 0 ? error : static_cast<long>(length);
}

bool ReadNumber(const char* path, uint64_t* value) {
  char text[64];
  if (ReadSmallFile(path, text, sizeof(text)) <= 0 || text[0] < '0' || text[0] > '9') return false;
  *value = std::strtoull(text, nullptr, 10);
  return true;
}

uint64_t NumberAfter(const char* text, const char* key) {
  const char* at = std::strstr(text, key);
  return at == nullptr ? 0 : std::strtoull(at + std::strlen(key), nullptr, 10);
}

}  // namespace ebb::uv
