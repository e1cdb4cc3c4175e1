#include "src/fs_event.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "os/network.h"
#include "src/close.h"
#include "src/handle.h"
#include "src/memory.h"
#include "src/text.h"
#include "src/watcher.h"

namespace ebb::uv {
namespace {

constexpr uint32_t kEvents =
    IN_ATTRIB | IN_CREATE | IN_MODIFY | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_MOVED_FROM | IN_MOVED_TO;
constexpr size_t kBuckets = 256;

// inotify knows a file once, however many handles watch it.
struct WatchedPath {
  WatchedPath* next;
  Queue handles;
  int descriptor;
  bool reporting;
  char path[1];
};

struct WatchTable {
  WatchedPath* buckets[kBuckets];
};

WatchTable* TableOf(const uv_loop_t* loop) { return static_cast<WatchTable*>(loop->inotify_watchers); }

WatchedPath** BucketOf(uv_loop_t* loop, int descriptor) {
  return &TableOf(loop)->buckets[static_cast<unsigned>(descriptor) % kBuckets];
}

WatchedPath* Find(uv_loop_t* loop, int descriptor) {
  WatchedPath* path = *BucketOf(loop, descriptor);
  while (path != nullptr && path->descriptor != descriptor) path = path->next;
  return path;
}

void RemoveIfUnused(uv_loop_t* loop, WatchedPath* path) {
  if (path->reporting || !QueueEmpty(&path->handles)) return;
  WatchedPath** at = BucketOf(loop, path->descriptor);
  while (*at != path) at = &(*at)->next;
  *at = path->next;
  inotify_rm_watch(loop->inotify_fd, path->descriptor);
  Free(path);
}

const char* BaseName(const char* path) {
  const char* slash = std::strrchr(path, '/');
  return slash == nullptr ? path : slash + 1;
}

void Report(uv_loop_t* loop, const inotify_event& event, const char* name) {
  int kinds = 0;
  if ((event.mask & (IN_ATTRIB | IN_MODIFY)) != 0) kinds |= UV_CHANGE;
  if ((event.mask & ~static_cast<uint32_t>(IN_ATTRIB | IN_MODIFY)) != 0) kinds |= UV_RENAME;
  WatchedPath* path = Find(loop, event.wd);
  if (path == nullptr) return;  // its last handle stopped
  const char* file = event.len != 0 ? name : BaseName(path->path);
  // Callbacks may stop any of the handles, and start others on the same path: those wait for the next event.
  path->reporting = true;
  Queue todo;
  QueueMove(&path->handles, &todo);
  while (!QueueEmpty(&todo)) {
    Queue* item = QueueFront(&todo);
    QueueRemove(item);
    QueuePushBack(&path->handles, item);
    uv_fs_event_t* handle = OwnerOf(item, &uv_fs_event_t::watchers);
    handle->cb(handle, file, kinds, 0);
  }
  path->reporting = false;
  RemoveIfUnused(loop, path);
}

void OnEvents(uv_loop_t* loop, uv__io_t*, uint32_t) {
  alignas(inotify_event) char buffer[4096];
  for (;;) {
    const ssize_t size = network->Read(loop->inotify_fd, buffer, sizeof(buffer));
    if (size <= 0) return;
    for (const char* at = buffer; at < buffer + size;) {
      inotify_event event;
      std::memcpy(&event, at, sizeof(event));
      Report(loop, event, at + sizeof(event));
      at += sizeof(event) + event.len;
      if (loop->inotify_fd == -1) return;
    }
  }
}

int NeedInotify(uv_loop_t* loop) {
  if (loop->inotify_fd != -1) return 0;
  if (loop->inotify_watchers == nullptr) {
    loop->inotify_watchers = AllocateZeroed(1, sizeof(WatchTable));
    if (loop->inotify_watchers == nullptr) return UV_ENOMEM;
  }
  const int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (fd == -1) return -errno;
  loop->inotify_fd = fd;
  WatcherInit(&loop->inotify_read_watcher, OnEvents, fd);
  WatcherStart(loop, &loop->inotify_read_watcher, kEventIn);
  return 0;
}

int Watch(uv_fs_event_t* handle, const char* name) {
  uv_loop_t* loop = handle->loop;
  const int error = NeedInotify(loop);
  if (error != 0) return error;
  const int descriptor = inotify_add_watch(loop->inotify_fd, name, kEvents);
  if (descriptor == -1) return -errno;
  WatchedPath* path = Find(loop, descriptor);
  if (path == nullptr) {
    const size_t length = std::strlen(name);
    path = static_cast<WatchedPath*>(Allocate(sizeof(WatchedPath) + length));
    if (path == nullptr) {
      inotify_rm_watch(loop->inotify_fd, descriptor);
      return UV_ENOMEM;
    }
    path->descriptor = descriptor;
    path->reporting = false;
    QueueInit(&path->handles);
    std::memcpy(path->path, name, length + 1);
    WatchedPath** bucket = BucketOf(loop, descriptor);
    path->next = *bucket;
    *bucket = path;
  }
  QueuePushBack(&path->handles, &handle->watchers);
  handle->path = path->path;
  handle->wd = descriptor;
  return 0;
}

}  // namespace

void CloseFileWatching(uv_loop_t* loop) {
  if (loop->inotify_fd != -1) {
    WatcherClose(loop, &loop->inotify_read_watcher);
    network->Close(loop->inotify_fd);
    loop->inotify_fd = -1;
  }
  Free(loop->inotify_watchers);
  loop->inotify_watchers = nullptr;
}

int RestartFileWatching(uv_loop_t* loop) {
  if (loop->inotify_fd == -1) return 0;
  // Out of the old table, one by one, into the new one.
  Queue todo;
  QueueInit(&todo);
  WatchTable* old = TableOf(loop);
  Queue* item;
  for (WatchedPath* path : old->buckets) {
    for (; path != nullptr; path = path->next) {
      while (!QueueEmpty(&path->handles)) {
        item = QueueFront(&path->handles);
        QueueRemove(item);
        QueuePushBack(&todo, item);
      }
    }
  }
  loop->inotify_watchers = nullptr;
  CloseFileWatching(loop);
  int error = 0;
  while (!QueueEmpty(&todo)) {
    item = QueueFront(&todo);
    QueueRemove(item);
    uv_fs_event_t* handle = OwnerOf(item, &uv_fs_event_t::watchers);
    const int one = Watch(handle, handle->path);
    if (one != 0) {
      handle->wd = -1;
      HandleStop(handle);
      error = one;
    }
  }
  for (WatchedPath* path : old->buckets) {
    while (path != nullptr) {
      WatchedPath* next = path->next;
      Free(path);
      path = next;
    }
  }
  Free(old);
  return error;
}

void CloseFsEvent(uv_fs_event_t* handle) { uv_fs_event_stop(handle); }

}  // namespace ebb::uv

using namespace ebb::uv;

int uv_fs_event_init(uv_loop_t* loop, uv_fs_event_t* handle) {
  HandleInit(loop, handle, UV_FS_EVENT);
  handle->path = nullptr;
  handle->wd = -1;
  return 0;
}

int uv_fs_event_start(uv_fs_event_t* handle, uv_fs_event_cb cb, const char* path, unsigned int) {
  if (HasFlag(handle, kActive | kClosing | kClosed)) return UV_EINVAL;
  const int error = Watch(handle, path);
  if (error != 0) return error;
  handle->cb = cb;
  HandleStart(handle);
  return 0;
}

int uv_fs_event_stop(uv_fs_event_t* handle) {
  if (!HasFlag(handle, kActive)) return 0;
  WatchedPath* path = Find(handle->loop, handle->wd);
  QueueRemove(&handle->watchers);
  handle->wd = -1;
  handle->path = nullptr;
  HandleStop(handle);
  if (path != nullptr) RemoveIfUnused(handle->loop, path);
  return 0;
}

int uv_fs_event_getpath(uv_fs_event_t* handle, char* buffer, size_t* size) {
  if (buffer == nullptr || size == nullptr || *size == 0) return UV_EINVAL;
  if (!HasFlag(handle, kActive)) {
    *size = 0;
    return UV_EINVAL;
  }
  return ReturnText(handle->path, std::strlen(handle->path), buffer, size);
}
