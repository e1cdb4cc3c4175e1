// Random bytes, at once or on a worker.
#include "os/random.h"

#include "src/handle.h"
#include "src/work.h"

namespace ebb::uv {
namespace {

void Work(uv__work* work) {
  uv_random_t* request = OwnerOf(work, &uv_random_t::work_req);
  request->status = entropy->Fill(request->buf, request->buflen);
}

void Done(uv__work* work, int status) {
  uv_random_t* request = OwnerOf(work, &uv_random_t::work_req);
  RequestEnd(request->loop);
  request->cb(request, status == 0 ? request->status : status, request->buf, request->buflen);
}

}  // namespace
}  // namespace ebb::uv

using namespace ebb::uv;

int uv_random(uv_loop_t* loop, uv_random_t* req, void* buf, size_t buflen, unsigned flags, uv_random_cb cb) {
  if (buflen > 0x7FFFFFFFu) return UV_E2BIG;
  if (flags != 0) return UV_EINVAL;
  if (cb == nullptr) return entropy->Fill(buf, buflen);
  RequestInit(loop, req, UV_RANDOM);
  req->loop = loop;
  req->status = 0;
  req->cb = cb;
  req->buf = buf;
  req->buflen = buflen;
  SubmitWork(loop, &req->work_req, WorkKind::kCompute, Work, Done);
  return 0;
}
