// File requests. A request is prepared by its entry point (fs_api.cc), run on a worker or in place, and reported.
#pragma once

#include <cstddef>

#include "uv.h"

namespace ebb::uv {

// The operations of more than one step (fs_operations.cc, fs_directory.cc): a result as FileSystem's.
ssize_t FsRead(uv_fs_t* request);
ssize_t FsWriteAll(uv_fs_t* request);
ssize_t FsSendFile(uv_fs_t* request);
ssize_t FsCopyFile(uv_fs_t* request);
ssize_t FsMakeTempDirectory(uv_fs_t* request);
ssize_t FsMakeTempFile(uv_fs_t* request);
ssize_t FsReadLink(uv_fs_t* request);
ssize_t FsRealPath(uv_fs_t* request);
ssize_t FsStatFileSystem(uv_fs_t* request);
ssize_t FsSetTimes(uv_fs_t* request);
ssize_t FsScanDirectory(uv_fs_t* request);
ssize_t FsOpenDirectory(uv_fs_t* request);
ssize_t FsReadDirectory(uv_fs_t* request);
ssize_t FsCloseDirectory(uv_fs_t* request);

// Runs the request on the calling thread; its result is in the request.
void FsExecute(uv_fs_t* request);
// Frees the names of entries that a readdir found.
void FsFreeEntries(uv_fs_t* request);

}  // namespace ebb::uv
