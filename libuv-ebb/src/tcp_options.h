// Options of TCP sockets. 0 or a negative errno.
#pragma once

namespace ebb::uv {

int SetNoDelay(int fd, bool on);
int SetKeepAlive(int fd, bool on, unsigned idle_s, unsigned interval_s, unsigned count);

}  // namespace ebb::uv
