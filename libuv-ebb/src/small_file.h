// Small text files of /proc and /sys, read whole.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ebb::uv {

// The file's beginning, terminated. Its length, or a negative errno.
long ReadSmallFile(const char* path, char* buffer, size_t size);
// The number at the start of the file; false when there is none.
bool ReadNumber(const char* path, uint64_t* value);
// The number after `key` in text like /proc/meminfo's: 0 when it is not there.
uint64_t NumberAfter(const char* text, const char* key);

}  // namespace ebb::uv
