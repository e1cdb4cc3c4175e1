// The two sides that are compared: Linux, and our file layer, behind one way to call them.
#pragma once

#include <cstdint>
#include <vector>

#include "linux/fs/test/world.h"

namespace ebb::linux_abi {

using Arguments = std::vector<uint64_t>;

// Both take six arguments and return a value or -errno.
int64_t HostCall(long number, const Arguments& arguments);
int64_t OurCall(long number, const Arguments& arguments);

// One side: its descriptors by slot, which both sides share.
struct Side {
  int64_t (*call)(long, const Arguments&);
  std::vector<int> fds;

  int64_t Call(long number, Arguments arguments) const {
    arguments.resize(6);
    return call(number, arguments);
  }
  int Fd(int slot) const {
    return slot == test::kCwd || slot < 0 || static_cast<size_t>(slot) >= fds.size() ? slot
                                                                                     : fds[static_cast<size_t>(slot)];
  }
};

}  // namespace ebb::linux_abi
