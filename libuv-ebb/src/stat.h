// From Linux's structures about files to libuv's.
#pragma once

#include <sys/stat.h>
#include <sys/vfs.h>

#include "uv.h"

namespace ebb::uv {

void ToUvStat(const struct statx& found, uv_stat_t* result);
void ToUvStatfs(const struct statfs& found, uv_statfs_t* result);

}  // namespace ebb::uv
