//===- mesh.h - clusters over loopback TCP, for the runtime's tests -------===//
// SPDX-License-Identifier: Apache-2.0

#ifndef DISCO_TESTS_MESH_H
#define DISCO_TESTS_MESH_H

#include "transport/tcp.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

// A socket that listens on a port of the system's choice.
inline int listener(uint16_t *port) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in a = {};
  a.sin_family = AF_INET;
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof a;
  EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr *>(&a), size), 0);
  EXPECT_EQ(listen(fd, 64), 0);
  EXPECT_EQ(getsockname(fd, reinterpret_cast<sockaddr *>(&a), &size), 0);
  *port = ntohs(a.sin_port);
  return fd;
}

// Transports and addresses of a cluster over loopback.
struct Mesh {
  explicit Mesh(uint32_t nodes)
      : fds(nodes), ports(nodes), names(nodes), pointers(nodes), tcp(nodes) {
    for (uint32_t i = 0; i < nodes; ++i) {
      fds[i] = listener(&ports[i]);
      names[i] = "127.0.0.1:" + std::to_string(ports[i]);
      pointers[i] = names[i].c_str();
    }
  }
  ~Mesh() {
    for (disco_tcp *t : tcp)
      disco_tcp_destroy(t);
    for (int fd : fds)
      if (fd >= 0)
        close(fd);
  }

  // Makes the rank's transport; with `late` its port is closed until it listens itself.
  disco_transport open(uint32_t rank, bool late = false) {
    char error[200] = "";
    if (late)
      close(fds[rank]);
    bool last = rank + 1 == fds.size();
    disco_tcp_options o = {rank, static_cast<uint32_t>(fds.size()), pointers[rank],
                           late || last ? -1 : fds[rank], pointers.data()};
    tcp[rank] = disco_tcp_create(&o, error, sizeof error);
    EXPECT_NE(tcp[rank], nullptr) << error;
    if (!last || late)
      fds[rank] = -1;
    return tcp[rank] ? disco_tcp_transport(tcp[rank]) : disco_transport{};
  }

  std::vector<int> fds;
  std::vector<uint16_t> ports;
  std::vector<std::string> names;
  std::vector<const char *> pointers;
  std::vector<disco_tcp *> tcp;
};

#endif // DISCO_TESTS_MESH_H
