#include "src/work.h"

#include "src/handle.h"
#include "src/loop_state.h"

namespace ebb::uv {
namespace {

// The link of the mailbox's stack.
uv__work*& NextOf(uv__work* work) { return reinterpret_cast<uv__work*&>(work->wq.next); }

void Run(uv__work* work) {
  uv_work_t* request = OwnerOf(work, &uv_work_t::work_req);
  request->work_cb(request);
}

void Done(uv__work* work, int status) {
  uv_work_t* request = OwnerOf(work, &uv_work_t::work_req);
  RequestEnd(request->loop);
  if (request->after_work_cb != nullptr) request->after_work_cb(request, status);
}

}  // namespace

void SubmitWork(uv_loop_t* loop, uv__work* work, WorkKind kind, void (*run)(uv__work*),
                void (*done)(uv__work*, int status)) {
  work->loop = loop;
  work->work = run;
  work->done = done;
  workers->Submit(work, kind);
}

void RunInPlace(uv_loop_t* loop, uv__work* work, void (*run)(uv__work*), void (*done)(uv__work*, int status)) {
  work->loop = loop;
  work->work = run;
  work->done = done;
  run(work);
  QueuePushBack(&StateOf(loop).in_place, &work->wq);
}

void PostFinished(uv__work* work) {
  LoopState& state = StateOf(work->loop);
  Posting posting(state);
  std::atomic<uv__work*>& top = state.mailbox.finished_work;
  uv__work* below = top.load();
  do NextOf(work) = below;
  while (!top.compare_exchange_weak(below, work));
  posting.Wake();
}

void RunFinishedWork(uv_loop_t* loop, bool waited) {
  LoopState& state = StateOf(loop);
  uv__work* posted = state.mailbox.finished_work.exchange(nullptr);
  uv__work* oldest_first = nullptr;
  while (posted != nullptr) {
    uv__work* next = NextOf(posted);
    NextOf(posted) = oldest_first;
    oldest_first = posted;
    posted = next;
  }
  while (oldest_first != nullptr) {
    uv__work* work = oldest_first;
    oldest_first = NextOf(work);
    ++state.metrics.events;
    if (!waited) ++state.metrics.events_waiting;
    work->done(work, IsCanceled(work) ? static_cast<int>(UV_ECANCELED) : 0);
  }
}

}  // namespace ebb::uv

using namespace ebb::uv;

int uv_queue_work(uv_loop_t* loop, uv_work_t* req, uv_work_cb work_cb, uv_after_work_cb after_work_cb) {
  if (work_cb == nullptr) return UV_EINVAL;
  RequestInit(loop, req, UV_WORK);
  req->loop = loop;
  req->work_cb = work_cb;
  req->after_work_cb = after_work_cb;
  SubmitWork(loop, &req->work_req, WorkKind::kCompute, Run, Done);
  return 0;
}

int uv_cancel(uv_req_t* req) {
  uv__work* work;
  switch (req->type) {
    case UV_FS:
      work = &reinterpret_cast<uv_fs_t*>(req)->work_req;
      break;
    case UV_GETADDRINFO:
      work = &reinterpret_cast<uv_getaddrinfo_t*>(req)->work_req;
      break;
    case UV_GETNAMEINFO:
      work = &reinterpret_cast<uv_getnameinfo_t*>(req)->work_req;
      break;
    case UV_RANDOM:
      work = &reinterpret_cast<uv_random_t*>(req)->work_req;
      break;
    case UV_WORK:
      work = &reinterpret_cast<uv_work_t*>(req)->work_req;
      break;
    default:
      return UV_EINVAL;
  }
  if (!workers->Cancel(work)) return UV_EBUSY;
  work->work = nullptr;
  PostFinished(work);
  return 0;
}
