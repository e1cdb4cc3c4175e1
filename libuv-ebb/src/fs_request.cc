#include "src/fs_request.h"

#include "os/file_system.h"
#include "src/memory.h"

namespace ebb::uv {
namespace {

ssize_t Run(uv_fs_t* r) {
  FileSystem& fs = *file_system;
  switch (r->fs_type) {
    case UV_FS_OPEN:
      return fs.Open(r->path, r->flags, r->mode);
    case UV_FS_CLOSE:
      return fs.Close(r->file);
    case UV_FS_READ:
      return FsRead(r);
    case UV_FS_WRITE:
      return FsWriteAll(r);
    case UV_FS_SENDFILE:
      return FsSendFile(r);
    case UV_FS_STAT:
      return fs.Stat(r->path, FollowLink::kYes, &r->statbuf);
    case UV_FS_LSTAT:
      return fs.Stat(r->path, FollowLink::kNo, &r->statbuf);
    case UV_FS_FSTAT:
      return fs.StatFd(r->file, &r->statbuf);
    case UV_FS_FTRUNCATE:
      return fs.Truncate(r->file, r->off);
    case UV_FS_UTIME:
    case UV_FS_LUTIME:
    case UV_FS_FUTIME:
      return FsSetTimes(r);
    case UV_FS_ACCESS:
      return fs.Access(r->path, r->flags);
    case UV_FS_CHMOD:
      return fs.ChangeMode(r->path, r->mode);
    case UV_FS_FCHMOD:
      return fs.ChangeModeFd(r->file, r->mode);
    case UV_FS_FSYNC:
      return fs.Sync(r->file, false);
    case UV_FS_FDATASYNC:
      return fs.Sync(r->file, true);
    case UV_FS_UNLINK:
      return fs.Unlink(r->path);
    case UV_FS_RMDIR:
      return fs.RemoveDirectory(r->path);
    case UV_FS_MKDIR:
      return fs.MakeDirectory(r->path, r->mode);
    case UV_FS_MKDTEMP:
      return FsMakeTempDirectory(r);
    case UV_FS_MKSTEMP:
      return FsMakeTempFile(r);
    case UV_FS_RENAME:
      return fs.Rename(r->path, r->new_path);
    case UV_FS_LINK:
      return fs.Link(r->path, r->new_path);
    case UV_FS_SYMLINK:
      return fs.SymbolicLink(r->path, r->new_path);
    case UV_FS_READLINK:
      return FsReadLink(r);
    case UV_FS_REALPATH:
      return FsRealPath(r);
    case UV_FS_CHOWN:
      return fs.ChangeOwner(r->path, FollowLink::kYes, r->uid, r->gid);
    case UV_FS_LCHOWN:
      return fs.ChangeOwner(r->path, FollowLink::kNo, r->uid, r->gid);
    case UV_FS_FCHOWN:
      return fs.ChangeOwnerFd(r->file, r->uid, r->gid);
    case UV_FS_COPYFILE:
      return FsCopyFile(r);
    case UV_FS_SCANDIR:
      return FsScanDirectory(r);
    case UV_FS_OPENDIR:
      return FsOpenDirectory(r);
    case UV_FS_READDIR:
      return FsReadDirectory(r);
    case UV_FS_CLOSEDIR:
      return FsCloseDirectory(r);
    case UV_FS_STATFS:
      return FsStatFileSystem(r);
    default:
      return UV_ENOSYS;
  }
}

}  // namespace

void FsExecute(uv_fs_t* request) {
  request->result = Run(request);
  const uv_fs_type type = request->fs_type;
  if (request->result == 0 && (type == UV_FS_STAT || type == UV_FS_LSTAT || type == UV_FS_FSTAT))
    request->ptr = &request->statbuf;
}

}  // namespace ebb::uv

using namespace ebb::uv;

void uv_fs_req_cleanup(uv_fs_t* req) {
  if (req == nullptr) return;
  // Paths of asynchronous requests are copies; of temporary names always, the name is filled in there.
  if (req->path != nullptr && (req->cb != nullptr || req->fs_type == UV_FS_MKDTEMP || req->fs_type == UV_FS_MKSTEMP))
    FreeConst(req->path);
  req->path = nullptr;
  req->new_path = nullptr;
  if (req->fs_type == UV_FS_READDIR && req->ptr != nullptr) FsFreeEntries(req);
  if (req->bufs != req->bufsml) Free(req->bufs);
  req->bufs = nullptr;
  // Directories outlive the requests that opened or read them.
  const bool owned = req->fs_type != UV_FS_OPENDIR && req->fs_type != UV_FS_READDIR && req->ptr != &req->statbuf;
  if (owned) Free(req->ptr);
  req->ptr = nullptr;
}

uv_fs_type uv_fs_get_type(const uv_fs_t* req) { return req->fs_type; }

ssize_t uv_fs_get_result(const uv_fs_t* req) { return req->result; }

int uv_fs_get_system_error(const uv_fs_t* req) { return static_cast<int>(-req->result); }

void* uv_fs_get_ptr(const uv_fs_t* req) { return req->ptr; }

const char* uv_fs_get_path(const uv_fs_t* req) { return req->path; }

uv_stat_t* uv_fs_get_statbuf(uv_fs_t* req) { return &req->statbuf; }
