// UDP handles: sending and receiving. Binding, membership and options: udp_options.cc.
#include "src/udp.h"

#include <linux/errqueue.h>
#include <netinet/in.h>

#include <cstring>

#include "os/network.h"
#include "src/close.h"
#include "src/memory.h"
#include "src/socket.h"

namespace ebb::uv {
namespace {

// A datagram's largest payload; also the size of one slot when many are received at once.
constexpr size_t kMaxDatagram = 64 * 1024;
constexpr unsigned kMaxBatch = 20;
constexpr int kMaxReads = 32;

void FillMessage(msghdr* message, const sockaddr* address, const uv_buf_t* buffers, unsigned count) {
  *message = msghdr{};
  if (address != nullptr && address->sa_family != AF_UNSPEC) {
    message->msg_name = const_cast<sockaddr*>(address);
    message->msg_namelen = AddressSize(address);
  }
  message->msg_iov = reinterpret_cast<iovec*>(const_cast<uv_buf_t*>(buffers));
  message->msg_iovlen = count;
}

size_t TotalSize(const uv_buf_t* buffers, unsigned count) {
  size_t total = 0;
  for (unsigned i = 0; i < count; ++i) total += buffers[i].len;
  return total;
}

bool WouldBlock(int error) { return error == UV_EAGAIN || error == UV_ENOBUFS; }

// Sends up to a batch of queued requests. False when the socket is full.
bool SendBatch(uv_udp_t* udp) {
  mmsghdr messages[kMaxBatch];
  std::memset(messages, 0, sizeof(messages));
  unsigned count = 0;
  for (Queue* item = udp->write_queue.next; item != &udp->write_queue && count < kMaxBatch; item = item->next) {
    uv_udp_send_t* request = OwnerOf(item, &uv_udp_send_t::queue);
    FillMessage(&messages[count++].msg_hdr, &request->u.addr, request->bufs, request->nbufs);
  }
  const int sent = count == 1 ? static_cast<int>(network->Send(UdpFd(udp), &messages[0].msg_hdr))
                              : network->SendMany(UdpFd(udp), messages, count);
  if (sent < 0 && WouldBlock(sent)) return false;
  // Of a failed batch the first one failed.
  const unsigned done = sent < 0 || count == 1 ? 1 : static_cast<unsigned>(sent);
  for (unsigned i = 0; i < done; ++i) {
    Queue* item = QueueFront(&udp->write_queue);
    uv_udp_send_t* request = OwnerOf(item, &uv_udp_send_t::queue);
    request->status = sent < 0 ? sent : static_cast<ssize_t>(TotalSize(request->bufs, request->nbufs));
    QueueRemove(item);
    QueuePushBack(&udp->write_completed_queue, item);
  }
  WatcherFeed(udp->loop, &udp->io_watcher);
  return true;
}

void SendQueued(uv_udp_t* udp) {
  while (!QueueEmpty(&udp->write_queue) && SendBatch(udp)) continue;
}

void RunSendCallbacks(uv_udp_t* udp) {
  udp->flags |= kUdpProcessing;
  while (!QueueEmpty(&udp->write_completed_queue)) {
    Queue* item = QueueFront(&udp->write_completed_queue);
    QueueRemove(item);
    uv_udp_send_t* request = OwnerOf(item, &uv_udp_send_t::queue);
    RequestEnd(udp->loop);
    udp->send_queue_size -= TotalSize(request->bufs, request->nbufs);
    --udp->send_queue_count;
    if (request->bufs != request->bufsml) Free(request->bufs);
    request->bufs = nullptr;
    if (request->send_cb == nullptr) continue;
    request->send_cb(request, request->status < 0 ? static_cast<int>(request->status) : 0);
  }
  udp->flags &= ~kUdpProcessing;
  if (!QueueEmpty(&udp->write_queue)) return;
  WatcherStop(udp->loop, &udp->io_watcher, kEventOut);
  if (!WatcherActive(&udp->io_watcher, kEventIn)) HandleStop(udp);
}

// The rest goes to the callback: `count` < 0 is an error.
void Deliver(uv_udp_t* udp, ssize_t count, const uv_buf_t* buffer, const msghdr& message, unsigned flags) {
  if ((message.msg_flags & MSG_TRUNC) != 0) flags |= UV_UDP_PARTIAL;
  const auto* address = message.msg_namelen == 0 ? nullptr : static_cast<const sockaddr*>(message.msg_name);
  udp->recv_cb(udp, count, buffer, address, flags);
}

// One large buffer, cut into slots; at its end the program learns that it may free it.
ssize_t ReceiveBatch(uv_udp_t* udp, const uv_buf_t& buffer) {
  mmsghdr messages[kMaxBatch];
  iovec vectors[kMaxBatch];
  sockaddr_in6 peers[kMaxBatch];
  size_t slots = buffer.len / kMaxDatagram;
  if (slots > kMaxBatch) slots = kMaxBatch;
  for (size_t i = 0; i < slots; ++i) {
    vectors[i] = {buffer.base + i * kMaxDatagram, kMaxDatagram};
    messages[i] = mmsghdr{};
    messages[i].msg_hdr.msg_iov = &vectors[i];
    messages[i].msg_hdr.msg_iovlen = 1;
    messages[i].msg_hdr.msg_name = &peers[i];
    messages[i].msg_hdr.msg_namelen = sizeof(peers[i]);
  }
  const int count = network->ReceiveMany(UdpFd(udp), messages, static_cast<unsigned>(slots));
  if (count < 1) {
    udp->recv_cb(udp, count == UV_EAGAIN ? 0 : count, &buffer, nullptr, 0);
    return count;
  }
  for (int i = 0; i < count && udp->recv_cb != nullptr; ++i) {
    const uv_buf_t chunk = {static_cast<char*>(vectors[i].iov_base), vectors[i].iov_len};
    Deliver(udp, messages[i].msg_len, &chunk, messages[i].msg_hdr, UV_UDP_MMSG_CHUNK);
  }
  if (udp->recv_cb != nullptr) udp->recv_cb(udp, 0, &buffer, nullptr, UV_UDP_MMSG_FREE);
  return count;
}

ssize_t ReceiveOne(uv_udp_t* udp, const uv_buf_t& buffer) {
  sockaddr_storage peer;
  iovec vector = {buffer.base, buffer.len};
  msghdr message{};
  message.msg_name = &peer;
  message.msg_namelen = sizeof(peer);
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  const ssize_t count = network->Receive(UdpFd(udp), &message, 0);
  if (count < 0)
    udp->recv_cb(udp, count == UV_EAGAIN ? 0 : count, &buffer, nullptr, 0);
  else
    Deliver(udp, count, &buffer, message, 0);
  return count;
}

// An ICMP message that came back for a datagram of ours (IP_RECVERR): the program gets its error, the datagram and
// where that was sent.
void ReceiveError(uv_udp_t* udp) {
  uv_buf_t buffer = {nullptr, 0};
  udp->alloc_cb(AsHandle(udp), kMaxDatagram, &buffer);
  if (buffer.base == nullptr || buffer.len == 0) {
    udp->recv_cb(udp, UV_ENOBUFS, &buffer, nullptr, 0);
    return;
  }
  sockaddr_storage peer;
  alignas(cmsghdr) char control[512];
  iovec vector = {buffer.base, buffer.len};
  msghdr message{};
  message.msg_name = &peer;
  message.msg_namelen = sizeof(peer);
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  ssize_t result = network->Receive(UdpFd(udp), &message, MSG_ERRQUEUE);
  if (result < 0) {
    udp->recv_cb(udp, result == UV_EAGAIN ? 0 : result, &buffer, nullptr, UV_UDP_LINUX_RECVERR);
    return;
  }
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    const bool v4 = header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_RECVERR;
    const bool v6 = header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_RECVERR;
    if (!v4 && !v6) continue;
    sock_extended_err found;
    std::memcpy(&found, CMSG_DATA(header), sizeof(found));
    result = -static_cast<ssize_t>(found.ee_errno);
  }
  Deliver(udp, result, &buffer, message, UV_UDP_LINUX_RECVERR);
}

// The outcome of the last receive: a negative errno, or 0 after enough of them.
ssize_t Receive(uv_udp_t* udp) {
  for (int reads = 0; reads < kMaxReads; ++reads) {
    uv_buf_t buffer = {nullptr, 0};
    udp->alloc_cb(AsHandle(udp), kMaxDatagram, &buffer);
    if (buffer.base == nullptr || buffer.len == 0) {
      udp->recv_cb(udp, UV_ENOBUFS, &buffer, nullptr, 0);
      return UV_ENOBUFS;
    }
    const bool many = HasFlag(udp, kUdpReceiveMany) && buffer.len >= 2 * kMaxDatagram;
    const ssize_t count = many ? ReceiveBatch(udp, buffer) : ReceiveOne(udp, buffer);
    if (count < 0) return count;
    // The callback may have closed the handle, or stopped it.
    if (UdpFd(udp) == -1 || udp->recv_cb == nullptr) return 0;
    if (many) reads += static_cast<int>(count) - 1;
  }
  return 0;
}

int AddressIsUsable(const uv_udp_t* udp, const sockaddr* address) {
  if (HasFlag(udp, kUdpConnected)) return address == nullptr ? 0 : UV_EISCONN;
  if (address == nullptr) return UV_EDESTADDRREQ;
  return AddressSize(address) == 0 ? UV_EINVAL : 0;
}

// A socket bound to any port, unless there is one.
int NeedSocket(uv_udp_t* udp, const sockaddr* address) {
  if (UdpFd(udp) != -1) return 0;
  return UdpBindAny(udp, address == nullptr ? AF_INET : address->sa_family);
}

}  // namespace

void OnUdpReady(uv_loop_t*, uv__io_t* watcher, uint32_t events) {
  uv_udp_t* udp = OwnerOf(watcher, &uv_udp_t::io_watcher);
  if ((events & (kEventIn | kEventError)) != 0 && udp->recv_cb != nullptr) {
    const ssize_t outcome = Receive(udp);
    // Nothing more to receive and still an error: it waits in the error queue.
    if ((events & kEventError) != 0 && outcome == UV_EAGAIN && UdpFd(udp) != -1 && udp->recv_cb != nullptr)
      ReceiveError(udp);
  }
  if ((events & kEventOut) != 0 && !uv_is_closing(AsHandle(udp))) {
    SendQueued(udp);
    RunSendCallbacks(udp);
  }
}

void CloseUdp(uv_udp_t* udp) {
  WatcherClose(udp->loop, &udp->io_watcher);
  HandleStop(udp);
  if (UdpFd(udp) == -1) return;
  network->Close(UdpFd(udp));
  udp->io_watcher.fd = -1;
}

void FinishUdp(uv_udp_t* udp) {
  while (!QueueEmpty(&udp->write_queue)) {
    Queue* item = QueueFront(&udp->write_queue);
    QueueRemove(item);
    OwnerOf(item, &uv_udp_send_t::queue)->status = UV_ECANCELED;
    QueuePushBack(&udp->write_completed_queue, item);
  }
  RunSendCallbacks(udp);
  udp->recv_cb = nullptr;
  udp->alloc_cb = nullptr;
}

}  // namespace ebb::uv

using namespace ebb::uv;

int uv_udp_send(uv_udp_send_t* req, uv_udp_t* udp, const uv_buf_t bufs[], unsigned int nbufs,
                const struct sockaddr* addr, uv_udp_send_cb send_cb) {
  if (udp->type != UV_UDP || nbufs < 1) return UV_EINVAL;
  int error = AddressIsUsable(udp, addr);
  if (error == 0) error = NeedSocket(udp, addr);
  if (error != 0) return error;
  uv_buf_t* copy = CopyArray(req->bufsml, bufs, nbufs);
  if (copy == nullptr) return UV_ENOMEM;
  const bool first = udp->send_queue_count == 0;
  RequestInit(udp->loop, req, UV_UDP_SEND);
  if (addr == nullptr)
    req->u.addr.sa_family = AF_UNSPEC;
  else
    std::memcpy(&req->u.storage, addr, AddressSize(addr));
  req->send_cb = send_cb;
  req->handle = udp;
  req->status = 0;
  req->bufs = copy;
  req->nbufs = nbufs;
  udp->send_queue_size += TotalSize(bufs, nbufs);
  ++udp->send_queue_count;
  QueuePushBack(&udp->write_queue, &req->queue);
  HandleStart(udp);
  if (first && !HasFlag(udp, kUdpProcessing)) {
    SendQueued(udp);
    // Also what was sent at once is reported from the loop, and until then the handle counts as active.
    if (QueueEmpty(&udp->write_queue)) return 0;
  }
  WatcherStart(udp->loop, &udp->io_watcher, kEventOut);
  return 0;
}

int uv_udp_try_send2(uv_udp_t* udp, unsigned int count, uv_buf_t* bufs[], unsigned int nbufs[],
                     struct sockaddr* addrs[], unsigned int flags) {
  if (count < 1 || flags != 0) return UV_EINVAL;
  // Datagrams keep their order.
  if (udp->send_queue_count > 0) return UV_EAGAIN;
  for (unsigned i = 0; i < count; ++i) {
    const int error = AddressIsUsable(udp, addrs == nullptr ? nullptr : addrs[i]);
    if (error != 0) return error;
  }
  const int error = NeedSocket(udp, addrs == nullptr ? nullptr : addrs[0]);
  if (error != 0) return error;
  int total = 0;
  for (unsigned begin = 0; begin < count; begin += kMaxBatch) {
    mmsghdr messages[kMaxBatch];
    std::memset(messages, 0, sizeof(messages));
    const unsigned batch = count - begin < kMaxBatch ? count - begin : kMaxBatch;
    for (unsigned i = 0; i < batch; ++i)
      FillMessage(&messages[i].msg_hdr, addrs == nullptr ? nullptr : addrs[begin + i], bufs[begin + i],
                  nbufs[begin + i]);
    const int sent = network->SendMany(UdpFd(udp), messages, batch);
    if (sent < 0) return total > 0 ? total : WouldBlock(sent) ? static_cast<int>(UV_EAGAIN) : sent;
    total += sent;
    if (static_cast<unsigned>(sent) < batch) break;
  }
  return total;
}

int uv_udp_try_send(uv_udp_t* udp, const uv_buf_t bufs[], unsigned int nbufs, const struct sockaddr* addr) {
  if (udp->type != UV_UDP || nbufs < 1) return UV_EINVAL;
  int error = AddressIsUsable(udp, addr);
  if (error != 0) return error;
  if (udp->send_queue_count > 0) return UV_EAGAIN;
  error = NeedSocket(udp, addr);
  if (error != 0) return error;
  msghdr message;
  FillMessage(&message, addr, bufs, nbufs);
  const auto sent = static_cast<int>(network->Send(UdpFd(udp), &message));
  return WouldBlock(sent) ? static_cast<int>(UV_EAGAIN) : sent;
}

int uv_udp_recv_start(uv_udp_t* udp, uv_alloc_cb alloc_cb, uv_udp_recv_cb recv_cb) {
  if (udp->type != UV_UDP || alloc_cb == nullptr || recv_cb == nullptr) return UV_EINVAL;
  if (HasFlag(udp, kClosing | kClosed)) return UV_EINVAL;
  if (WatcherActive(&udp->io_watcher, kEventIn)) return UV_EALREADY;
  const int error = NeedSocket(udp, nullptr);
  if (error != 0) return error;
  udp->alloc_cb = alloc_cb;
  udp->recv_cb = recv_cb;
  WatcherStart(udp->loop, &udp->io_watcher, kEventIn);
  HandleStart(udp);
  return 0;
}

int uv_udp_recv_stop(uv_udp_t* udp) {
  WatcherStop(udp->loop, &udp->io_watcher, kEventIn);
  if (!WatcherActive(&udp->io_watcher, kEventOut)) HandleStop(udp);
  udp->alloc_cb = nullptr;
  udp->recv_cb = nullptr;
  return 0;
}

int uv_udp_using_recvmmsg(const uv_udp_t* udp) { return HasFlag(udp, kUdpReceiveMany); }

size_t uv_udp_get_send_queue_size(const uv_udp_t* udp) { return udp->send_queue_size; }

size_t uv_udp_get_send_queue_count(const uv_udp_t* udp) { return udp->send_queue_count; }
