// The entry points of file requests: check and store arguments, then run at once (no callback) or on a worker.
#include <cstring>

#include "os/file_system.h"
#include "src/fs_request.h"
#include "src/handle.h"
#include "src/memory.h"
#include "src/work.h"

namespace ebb::uv {
namespace {

void Work(uv__work* work) { FsExecute(OwnerOf(work, &uv_fs_t::work_req)); }

void Done(uv__work* work, int status) {
  uv_fs_t* request = OwnerOf(work, &uv_fs_t::work_req);
  RequestEnd(request->loop);
  if (status == UV_ECANCELED) request->result = UV_ECANCELED;
  request->cb(request);
}

void Init(uv_loop_t* loop, uv_fs_t* request, uv_fs_type type, uv_fs_cb callback) {
  request->type = UV_FS;
  request->fs_type = type;
  request->loop = loop;
  request->cb = callback;
  request->result = 0;
  request->ptr = nullptr;
  request->path = nullptr;
  request->new_path = nullptr;
  request->bufs = nullptr;
}

int Start(uv_fs_t* request) {
  if (request->cb == nullptr) {
    FsExecute(request);
    return static_cast<int>(request->result);
  }
  RequestStart(request->loop);
  if (file_system->RunsInPlace(*request)) {
    RunInPlace(request->loop, &request->work_req, Work, Done);
    return 0;
  }
  SubmitWork(request->loop, &request->work_req, WorkKind::kCompute, Work, Done);
  return 0;
}

// The caller's path may be gone when a worker comes to it.
bool SetPath(uv_fs_t* request, const char* path, bool copy) {
  request->path = copy ? CopyString(path) : path;
  return request->path != nullptr;
}

int WithPath(uv_loop_t* loop, uv_fs_t* request, uv_fs_type type, const char* path, uv_fs_cb callback) {
  if (request == nullptr || path == nullptr) return UV_EINVAL;
  Init(loop, request, type, callback);
  return SetPath(request, path, callback != nullptr) ? 0 : static_cast<int>(UV_ENOMEM);
}

// Both paths in one block, which `path` owns.
int WithPaths(uv_loop_t* loop, uv_fs_t* request, uv_fs_type type, const char* path, const char* new_path,
              uv_fs_cb callback) {
  if (request == nullptr || path == nullptr || new_path == nullptr) return UV_EINVAL;
  Init(loop, request, type, callback);
  request->path = path;
  request->new_path = new_path;
  if (callback == nullptr) return 0;
  const size_t length = std::strlen(path) + 1;
  const size_t new_length = std::strlen(new_path) + 1;
  char* copy = AllocateFor<char>(length + new_length);
  request->path = copy;
  if (copy == nullptr) return UV_ENOMEM;
  std::memcpy(copy, path, length);
  request->new_path = std::strcpy(copy + length, new_path);
  return 0;
}

int WithFile(uv_loop_t* loop, uv_fs_t* request, uv_fs_type type, uv_file file, uv_fs_cb callback) {
  if (request == nullptr) return UV_EINVAL;
  Init(loop, request, type, callback);
  request->file = file;
  return 0;
}

int WithBuffers(uv_loop_t* loop, uv_fs_t* request, uv_fs_type type, uv_file file, const uv_buf_t bufs[], unsigned count,
                int64_t offset, uv_fs_cb callback) {
  const int error = WithFile(loop, request, type, file, callback);
  if (error != 0) return error;
  if (bufs == nullptr || count == 0) return UV_EINVAL;
  request->off = offset;
  request->nbufs = count;
  request->bufs = CopyArray(request->bufsml, bufs, count);
  return request->bufs == nullptr ? UV_ENOMEM : 0;
}

// The name is made in the request's own copy.
int WithTemplate(uv_loop_t* loop, uv_fs_t* request, uv_fs_type type, const char* tpl, uv_fs_cb callback) {
  if (request == nullptr || tpl == nullptr) return UV_EINVAL;
  Init(loop, request, type, callback);
  return SetPath(request, tpl, true) ? 0 : static_cast<int>(UV_ENOMEM);
}

}  // namespace
}  // namespace ebb::uv

using namespace ebb::uv;

int uv_fs_open(uv_loop_t* loop, uv_fs_t* req, const char* path, int flags, int mode, uv_fs_cb cb) {
  const int error = WithPath(loop, req, UV_FS_OPEN, path, cb);
  if (error != 0) return error;
  req->flags = flags;
  req->mode = static_cast<mode_t>(mode);
  return Start(req);
}

int uv_fs_close(uv_loop_t* loop, uv_fs_t* req, uv_file file, uv_fs_cb cb) {
  const int error = WithFile(loop, req, UV_FS_CLOSE, file, cb);
  return error != 0 ? error : Start(req);
}

int uv_fs_read(uv_loop_t* loop, uv_fs_t* req, uv_file file, const uv_buf_t bufs[], unsigned int nbufs, int64_t offset,
               uv_fs_cb cb) {
  const int error = WithBuffers(loop, req, UV_FS_READ, file, bufs, nbufs, offset, cb);
  return error != 0 ? error : Start(req);
}

int uv_fs_write(uv_loop_t* loop, uv_fs_t* req, uv_file file, const uv_buf_t bufs[], unsigned int nbufs, int64_t offset,
                uv_fs_cb cb) {
  const int error = WithBuffers(loop, req, UV_FS_WRITE, file, bufs, nbufs, offset, cb);
  return error != 0 ? error : Start(req);
}

int uv_fs_sendfile(uv_loop_t* loop, uv_fs_t* req, uv_file out_fd, uv_file in_fd, int64_t in_offset, size_t length,
                   uv_fs_cb cb) {
  const int error = WithFile(loop, req, UV_FS_SENDFILE, out_fd, cb);
  if (error != 0) return error;
  req->flags = in_fd;
  req->off = in_offset;
  req->bufsml[0].len = length;
  return Start(req);
}

int uv_fs_copyfile(uv_loop_t* loop, uv_fs_t* req, const char* path, const char* new_path, int flags, uv_fs_cb cb) {
  if ((flags & ~(UV_FS_COPYFILE_EXCL | UV_FS_COPYFILE_FICLONE | UV_FS_COPYFILE_FICLONE_FORCE)) != 0) {
    if (req != nullptr) Init(loop, req, UV_FS_COPYFILE, cb);
    return UV_EINVAL;
  }
  const int error = WithPaths(loop, req, UV_FS_COPYFILE, path, new_path, cb);
  if (error != 0) return error;
  req->flags = flags;
  return Start(req);
}

int uv_fs_mkdtemp(uv_loop_t* loop, uv_fs_t* req, const char* tpl, uv_fs_cb cb) {
  const int error = WithTemplate(loop, req, UV_FS_MKDTEMP, tpl, cb);
  return error != 0 ? error : Start(req);
}

int uv_fs_mkstemp(uv_loop_t* loop, uv_fs_t* req, const char* tpl, uv_fs_cb cb) {
  const int error = WithTemplate(loop, req, UV_FS_MKSTEMP, tpl, cb);
  return error != 0 ? error : Start(req);
}

int uv_fs_scandir(uv_loop_t* loop, uv_fs_t* req, const char* path, int flags, uv_fs_cb cb) {
  const int error = WithPath(loop, req, UV_FS_SCANDIR, path, cb);
  if (error != 0) return error;
  req->flags = flags;
  return Start(req);
}

int uv_fs_readdir(uv_loop_t* loop, uv_fs_t* req, uv_dir_t* dir, uv_fs_cb cb) {
  if (req == nullptr || dir == nullptr || dir->dir == nullptr || dir->dirents == nullptr) return UV_EINVAL;
  Init(loop, req, UV_FS_READDIR, cb);
  req->ptr = dir;
  return Start(req);
}

int uv_fs_closedir(uv_loop_t* loop, uv_fs_t* req, uv_dir_t* dir, uv_fs_cb cb) {
  if (req == nullptr || dir == nullptr) return UV_EINVAL;
  Init(loop, req, UV_FS_CLOSEDIR, cb);
  req->ptr = dir;
  return Start(req);
}

int uv_fs_ftruncate(uv_loop_t* loop, uv_fs_t* req, uv_file file, int64_t offset, uv_fs_cb cb) {
  const int error = WithFile(loop, req, UV_FS_FTRUNCATE, file, cb);
  if (error != 0) return error;
  req->off = offset;
  return Start(req);
}

int uv_fs_access(uv_loop_t* loop, uv_fs_t* req, const char* path, int mode, uv_fs_cb cb) {
  const int error = WithPath(loop, req, UV_FS_ACCESS, path, cb);
  if (error != 0) return error;
  req->flags = mode;
  return Start(req);
}

int uv_fs_symlink(uv_loop_t* loop, uv_fs_t* req, const char* path, const char* new_path, int flags, uv_fs_cb cb) {
  const int error = WithPaths(loop, req, UV_FS_SYMLINK, path, new_path, cb);
  if (error != 0) return error;
  req->flags = flags;
  return Start(req);
}

#define EBB_FS_PATH(name, type)                                                    \
  int uv_fs_##name(uv_loop_t* loop, uv_fs_t* req, const char* path, uv_fs_cb cb) { \
    const int error = WithPath(loop, req, type, path, cb);                         \
    return error != 0 ? error : Start(req);                                        \
  }
#define EBB_FS_PATHS(name, type)                                                                         \
  int uv_fs_##name(uv_loop_t* loop, uv_fs_t* req, const char* path, const char* new_path, uv_fs_cb cb) { \
    const int error = WithPaths(loop, req, type, path, new_path, cb);                                    \
    return error != 0 ? error : Start(req);                                                              \
  }
#define EBB_FS_FILE(name, type)                                                \
  int uv_fs_##name(uv_loop_t* loop, uv_fs_t* req, uv_file file, uv_fs_cb cb) { \
    const int error = WithFile(loop, req, type, file, cb);                     \
    return error != 0 ? error : Start(req);                                    \
  }
#define EBB_FS_PATH_MODE(name, type)                                                         \
  int uv_fs_##name(uv_loop_t* loop, uv_fs_t* req, const char* path, int mode, uv_fs_cb cb) { \
    const int error = WithPath(loop, req, type, path, cb);                                   \
    if (error != 0) return error;                                                            \
    req->mode = static_cast<mode_t>(mode);                                                   \
    return Start(req);                                                                       \
  }
#define EBB_FS_PATH_OWNER(name, type)                                                                          \
  int uv_fs_##name(uv_loop_t* loop, uv_fs_t* req, const char* path, uv_uid_t uid, uv_gid_t gid, uv_fs_cb cb) { \
    const int error = WithPath(loop, req, type, path, cb);                                                     \
    if (error != 0) return error;                                                                              \
    req->uid = uid;                                                                                            \
    req->gid = gid;                                                                                            \
    return Start(req);                                                                                         \
  }
#define EBB_FS_PATH_TIMES(name, type)                                                                          \
  int uv_fs_##name(uv_loop_t* loop, uv_fs_t* req, const char* path, double atime, double mtime, uv_fs_cb cb) { \
    const int error = WithPath(loop, req, type, path, cb);                                                     \
    if (error != 0) return error;                                                                              \
    req->atime = atime;                                                                                        \
    req->mtime = mtime;                                                                                        \
    return Start(req);                                                                                         \
  }

EBB_FS_PATH(unlink, UV_FS_UNLINK)
EBB_FS_PATH(rmdir, UV_FS_RMDIR)
EBB_FS_PATH(opendir, UV_FS_OPENDIR)
EBB_FS_PATH(stat, UV_FS_STAT)
EBB_FS_PATH(lstat, UV_FS_LSTAT)
EBB_FS_PATH(readlink, UV_FS_READLINK)
EBB_FS_PATH(realpath, UV_FS_REALPATH)
EBB_FS_PATH(statfs, UV_FS_STATFS)
EBB_FS_PATHS(rename, UV_FS_RENAME)
EBB_FS_PATHS(link, UV_FS_LINK)
EBB_FS_FILE(fstat, UV_FS_FSTAT)
EBB_FS_FILE(fsync, UV_FS_FSYNC)
EBB_FS_FILE(fdatasync, UV_FS_FDATASYNC)
EBB_FS_PATH_MODE(mkdir, UV_FS_MKDIR)
EBB_FS_PATH_MODE(chmod, UV_FS_CHMOD)
EBB_FS_PATH_OWNER(chown, UV_FS_CHOWN)
EBB_FS_PATH_OWNER(lchown, UV_FS_LCHOWN)
EBB_FS_PATH_TIMES(utime, UV_FS_UTIME)
EBB_FS_PATH_TIMES(lutime, UV_FS_LUTIME)

int uv_fs_fchmod(uv_loop_t* loop, uv_fs_t* req, uv_file file, int mode, uv_fs_cb cb) {
  const int error = WithFile(loop, req, UV_FS_FCHMOD, file, cb);
  if (error != 0) return error;
  req->mode = static_cast<mode_t>(mode);
  return Start(req);
}

int uv_fs_fchown(uv_loop_t* loop, uv_fs_t* req, uv_file file, uv_uid_t uid, uv_gid_t gid, uv_fs_cb cb) {
  const int error = WithFile(loop, req, UV_FS_FCHOWN, file, cb);
  if (error != 0) return error;
  req->uid = uid;
  req->gid = gid;
  return Start(req);
}

int uv_fs_futime(uv_loop_t* loop, uv_fs_t* req, uv_file file, double atime, double mtime, uv_fs_cb cb) {
  const int error = WithFile(loop, req, UV_FS_FUTIME, file, cb);
  if (error != 0) return error;
  req->atime = atime;
  req->mtime = mtime;
  return Start(req);
}
