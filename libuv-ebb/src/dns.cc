// Name look-ups by libc, on workers.
#include <netdb.h>

#include <cstring>

#include "src/handle.h"
#include "src/idna.h"
#include "src/memory.h"
#include "src/socket.h"
#include "src/work.h"

namespace ebb::uv {
namespace {

int TranslateEai(int error) {
  switch (error) {
    case 0:
      return 0;
    case EAI_ADDRFAMILY:
      return UV_EAI_ADDRFAMILY;
    case EAI_AGAIN:
      return UV_EAI_AGAIN;
    case EAI_BADFLAGS:
      return UV_EAI_BADFLAGS;
    case EAI_CANCELED:
      return UV_EAI_CANCELED;
    case EAI_FAIL:
      return UV_EAI_FAIL;
    case EAI_FAMILY:
      return UV_EAI_FAMILY;
    case EAI_MEMORY:
      return UV_EAI_MEMORY;
    case EAI_NODATA:
      return UV_EAI_NODATA;
    case EAI_NONAME:
      return UV_EAI_NONAME;
    case EAI_OVERFLOW:
      return UV_EAI_OVERFLOW;
    case EAI_SERVICE:
      return UV_EAI_SERVICE;
    case EAI_SOCKTYPE:
      return UV_EAI_SOCKTYPE;
    case EAI_SYSTEM:
      return -errno;
    default:
      return UV_EAI_FAIL;
  }
}

// Hints, service and name are copied into one block. It is owned by the first of the three that is there.
struct Arguments {
  const addrinfo* hints;
  const char* service;
  const char* name;
};

bool CopyArguments(uv_getaddrinfo_t* request, const Arguments& arguments) {
  const size_t hints = arguments.hints == nullptr ? 0 : sizeof(addrinfo);
  const size_t service = arguments.service == nullptr ? 0 : std::strlen(arguments.service) + 1;
  const size_t name = arguments.name == nullptr ? 0 : std::strlen(arguments.name) + 1;
  char* block = AllocateFor<char>(hints + service + name);
  if (block == nullptr) return false;
  const auto place = [&block](const void* from, size_t size) -> char* {
    if (size == 0) return nullptr;
    char* to = block;
    std::memcpy(to, from, size);
    block += size;
    return to;
  };
  request->hints = reinterpret_cast<addrinfo*>(place(arguments.hints, hints));
  request->service = place(arguments.service, service);
  request->hostname = place(arguments.name, name);
  return true;
}

void FreeArguments(uv_getaddrinfo_t* request) {
  if (request->hints != nullptr)
    Free(request->hints);
  else
    Free(request->service != nullptr ? request->service : request->hostname);
  request->hints = nullptr;
  request->service = nullptr;
  request->hostname = nullptr;
}

void ResolveName(uv__work* work) {
  uv_getaddrinfo_t* request = OwnerOf(work, &uv_getaddrinfo_t::work_req);
  request->retcode = TranslateEai(getaddrinfo(request->hostname, request->service, request->hints, &request->addrinfo));
}

void NameResolved(uv__work* work, int status) {
  uv_getaddrinfo_t* request = OwnerOf(work, &uv_getaddrinfo_t::work_req);
  RequestEnd(request->loop);
  FreeArguments(request);
  if (status == UV_ECANCELED) request->retcode = UV_EAI_CANCELED;
  request->cb(request, request->retcode, request->addrinfo);
}

void ResolveAddress(uv__work* work) {
  uv_getnameinfo_t* request = OwnerOf(work, &uv_getnameinfo_t::work_req);
  const auto* address = reinterpret_cast<const sockaddr*>(&request->storage);
  request->retcode = TranslateEai(getnameinfo(address, AddressSize(address), request->host, sizeof(request->host),
                                              request->service, sizeof(request->service), request->flags));
}

void AddressResolved(uv__work* work, int status) {
  uv_getnameinfo_t* request = OwnerOf(work, &uv_getnameinfo_t::work_req);
  RequestEnd(request->loop);
  if (status == UV_ECANCELED) request->retcode = UV_EAI_CANCELED;
  const bool found = request->retcode == 0;
  request->getnameinfo_cb(request, request->retcode, found ? request->host : nullptr,
                          found ? request->service : nullptr);
}

}  // namespace
}  // namespace ebb::uv

using namespace ebb::uv;

int uv_getaddrinfo(uv_loop_t* loop, uv_getaddrinfo_t* req, uv_getaddrinfo_cb cb, const char* node, const char* service,
                   const struct addrinfo* hints) {
  if (req == nullptr || (node == nullptr && service == nullptr)) return UV_EINVAL;
  char ascii[256];
  if (node != nullptr) {
    const long length = IdnaToAscii(node, std::strlen(node), ascii, sizeof(ascii));
    if (length < 0) return static_cast<int>(length);
    node = ascii;
  }
  if (!CopyArguments(req, {hints, service, node})) return UV_ENOMEM;
  req->type = UV_GETADDRINFO;
  req->loop = loop;
  req->cb = cb;
  req->addrinfo = nullptr;
  req->retcode = 0;
  if (cb != nullptr) {
    RequestStart(loop);
    SubmitWork(loop, &req->work_req, WorkKind::kSlow, ResolveName, NameResolved);
    return 0;
  }
  ResolveName(&req->work_req);
  FreeArguments(req);
  return req->retcode;
}

void uv_freeaddrinfo(struct addrinfo* ai) {
  if (ai != nullptr) freeaddrinfo(ai);
}

int uv_getnameinfo(uv_loop_t* loop, uv_getnameinfo_t* req, uv_getnameinfo_cb cb, const struct sockaddr* addr,
                   int flags) {
  if (req == nullptr || addr == nullptr) return UV_EINVAL;
  if (addr->sa_family != AF_INET && addr->sa_family != AF_INET6) return UV_EINVAL;
  std::memcpy(&req->storage, addr, AddressSize(addr));
  req->type = UV_GETNAMEINFO;
  req->loop = loop;
  req->getnameinfo_cb = cb;
  req->flags = flags;
  req->retcode = 0;
  if (cb != nullptr) {
    RequestStart(loop);
    SubmitWork(loop, &req->work_req, WorkKind::kSlow, ResolveAddress, AddressResolved);
    return 0;
  }
  ResolveAddress(&req->work_req);
  return req->retcode;
}
