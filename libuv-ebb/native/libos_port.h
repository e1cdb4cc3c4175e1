// EventPorts of the LibOS: its ports.
#pragma once

#include <csignal>

#include "os/event_port.h"

namespace ebb::uv {

class LibosPort final : public EventPort {
 public:
  explicit LibosPort(int port) : port_(port) {}
  void Close();
  int Watch(int fd, uint32_t mask, bool watched) override;
  void Unwatch(int fd) override;
  int Probe(int fd) override;
  void BlockProfilerSignal() override { blocks_profiler_ = true; }
  int Wait(ReadyEvent* events, int capacity, int timeout_ms) override;
  void Wake() override;
  int Descriptor() override { return port_; }

 private:
  int port_;
  bool blocks_profiler_ = false;
};

class LibosPorts final : public EventPorts {
 public:
  int Create(void* storage, EventPort** port) override;
  void Destroy(EventPort* port) override;
};

}  // namespace ebb::uv
