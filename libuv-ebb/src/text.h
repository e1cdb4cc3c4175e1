// Text into buffers of callers.
#pragma once

#include <cstddef>

namespace ebb::uv {

// Copies what fits, always terminated when size > 0. Returns the number of bytes copied, or UV_E2BIG when it was cut.
long CopyText(char* buffer, size_t size, const char* text);

// The convention of uv_cwd and its kin: *size is the buffer's size on entry, and on success the length without the
// terminator; UV_ENOBUFS when it does not fit, with *size then the size needed, terminator included.
int ReturnText(const char* text, size_t length, char* buffer, size_t* size);

}  // namespace ebb::uv
