# The guest's sockets, relative to libos-node/.
set(EBB_LINUX_NET_SOURCES
  linux/net/address.cc
  linux/net/host_channel.cc
  linux/net/host_datagram.cc
  linux/net/hosted_network.cc
  linux/net/local_channel.cc
  linux/net/loopback_network.cc
  linux/net/netlink_socket.cc
  linux/net/port_table.cc
  linux/net/socket.cc
  linux/net/socket_factory.cc
  linux/net/socket_options.cc
  linux/net/syscalls.cc
  linux/net/tcp_socket.cc
  linux/net/udp_socket.cc
  linux/net/unix_socket.cc
  linux/net/user_message.cc)
