// EventPorts of Linux: epoll for readiness, an eventfd for wake-ups.
#pragma once

#include "os/event_port.h"

namespace ebb::uv {

class EpollPort final : public EventPort {
 public:
  int Open();
  void Close();
  int Watch(int fd, uint32_t mask, bool watched) override;
  void Unwatch(int fd) override;
  int Probe(int fd) override;
  void BlockProfilerSignal() override { blocks_profiler_ = true; }
  int Wait(ReadyEvent* events, int capacity, int timeout_ms) override;
  void Wake() override;
  int Descriptor() override { return epoll_; }

 private:
  int epoll_ = -1;
  int wake_ = -1;
  bool blocks_profiler_ = false;
};

class EpollPorts final : public EventPorts {
 public:
  int Create(void* storage, EventPort** port) override;
  void Destroy(EventPort* port) override;
};

}  // namespace ebb::uv
