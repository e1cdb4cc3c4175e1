// fs_poll handles: a stat of a path at intervals, compared with the one before. Each start makes a round of its own
// with a timer inside; the handle is closed when the last round is.
#include <cstring>

#include "src/close.h"
#include "src/handle.h"
#include "src/memory.h"
#include "src/text.h"

namespace ebb::uv {
namespace {

struct Round {
  uv_fs_poll_t* handle;
  Round* earlier;
  uint64_t started;  // when the last stat was asked for
  unsigned interval;
  // 0: nothing known yet; 1: `last` is; negative: the error that was reported.
  int known;
  uv_fs_poll_cb callback;
  uv_timer_t timer;
  uv_fs_t request;
  uv_stat_t last;
  char path[1];
};

constexpr uv_stat_t kNothing{};

Round*& Current(uv_fs_poll_t* handle) { return reinterpret_cast<Round*&>(handle->poll_ctx); }

bool SameTime(const uv_timespec_t& a, const uv_timespec_t& b) { return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec; }

bool SameFile(const uv_stat_t& a, const uv_stat_t& b) {
  return SameTime(a.st_ctim, b.st_ctim) && SameTime(a.st_mtim, b.st_mtim) && SameTime(a.st_birthtim, b.st_birthtim) &&
         a.st_size == b.st_size && a.st_mode == b.st_mode && a.st_uid == b.st_uid && a.st_gid == b.st_gid &&
         a.st_ino == b.st_ino && a.st_dev == b.st_dev && a.st_flags == b.st_flags && a.st_gen == b.st_gen;
}

bool IsWanted(const Round* round) {
  uv_fs_poll_t* handle = round->handle;
  return HasFlag(handle, kActive) && !HasFlag(handle, kClosing) && Current(handle) == round;
}

void OnTimerClosed(uv_handle_t* timer) {
  auto* round = OwnerOf(reinterpret_cast<uv_timer_t*>(timer), &Round::timer);
  uv_fs_poll_t* handle = round->handle;
  for (Round** at = &Current(handle); *at != nullptr; at = &(*at)->earlier) {
    if (*at != round) continue;
    *at = round->earlier;
    break;
  }
  Free(round);
  if (Current(handle) == nullptr && HasFlag(handle, kClosing)) HandleFinishLater(AsHandle(handle));
}

void End(Round* round) {
  if (uv_is_closing(AsHandle(&round->timer)) == 0) uv_close(AsHandle(&round->timer), OnTimerClosed);
}

void OnStat(uv_fs_t* request);

int Ask(Round* round) {
  round->started = uv_now(round->handle->loop);
  return uv_fs_stat(round->handle->loop, &round->request, round->path, OnStat);
}

void OnTimer(uv_timer_t* timer) {
  auto* round = OwnerOf(timer, &Round::timer);
  if (Ask(round) != 0) End(round);
}

void Compare(Round* round) {
  const auto result = static_cast<int>(round->request.result);
  if (result != 0) {
    if (round->known == result) return;
    round->known = result;
    round->callback(round->handle, result, &round->last, &kNothing);
    return;
  }
  const uv_stat_t& now = round->request.statbuf;
  const bool report = round->known != 0 && (round->known < 0 || !SameFile(round->last, now));
  if (report) round->callback(round->handle, 0, &round->last, &now);
  round->last = now;
  round->known = 1;
}

void OnStat(uv_fs_t* request) {
  Round* round = OwnerOf(request, &Round::request);
  if (IsWanted(round)) Compare(round);
  uv_fs_req_cleanup(request);
  if (!IsWanted(round)) {
    End(round);
    return;
  }
  // On the beat, however long the stat took.
  const uint64_t gone = uv_now(round->handle->loop) - round->started;
  uv_timer_start(&round->timer, OnTimer, round->interval - gone % round->interval, 0);
}

}  // namespace

void CloseFsPoll(uv_fs_poll_t* handle) {
  uv_fs_poll_stop(handle);
  if (Current(handle) == nullptr) HandleFinishLater(AsHandle(handle));
}

}  // namespace ebb::uv

using namespace ebb::uv;

int uv_fs_poll_init(uv_loop_t* loop, uv_fs_poll_t* handle) {
  HandleInit(loop, handle, UV_FS_POLL);
  handle->poll_ctx = nullptr;
  return 0;
}

int uv_fs_poll_start(uv_fs_poll_t* handle, uv_fs_poll_cb cb, const char* path, unsigned int interval) {
  if (HasFlag(handle, kActive)) return 0;
  const size_t length = std::strlen(path);
  auto* round = static_cast<Round*>(AllocateZeroed(1, sizeof(Round) + length));
  if (round == nullptr) return UV_ENOMEM;
  round->handle = handle;
  round->callback = cb;
  round->interval = interval == 0 ? 1 : interval;
  std::memcpy(round->path, path, length + 1);
  int error = uv_timer_init(handle->loop, &round->timer);
  if (error != 0) {
    Free(round);
    return error;
  }
  round->timer.flags |= kInternal;
  uv_unref(AsHandle(&round->timer));
  round->earlier = Current(handle);
  Current(handle) = round;
  error = Ask(round);
  if (error != 0) {
    End(round);
    return error;
  }
  HandleStart(handle);
  return 0;
}

int uv_fs_poll_stop(uv_fs_poll_t* handle) {
  if (!HasFlag(handle, kActive)) return 0;
  Round* round = Current(handle);
  // While a stat is on its way, its end ends the round.
  if (uv_is_active(AsHandle(&round->timer)) != 0) End(round);
  HandleStop(handle);
  return 0;
}

int uv_fs_poll_getpath(uv_fs_poll_t* handle, char* buffer, size_t* size) {
  if (buffer == nullptr || size == nullptr || *size == 0) return UV_EINVAL;
  if (!HasFlag(handle, kActive)) {
    *size = 0;
    return UV_EINVAL;
  }
  const char* path = Current(handle)->path;
  return ReturnText(path, std::strlen(path), buffer, size);
}
