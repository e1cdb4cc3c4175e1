// Runs a program whose every getrandom fails with EIO, in itself and in whatever it starts: a host without entropy.
//   ebb_without_entropy ebbtender serve ...
#include <seccomp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

int main(int argc, char** argv) {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
  if (argc < 2 || filter == nullptr || seccomp_rule_add(filter, SCMP_ACT_ERRNO(EIO), SCMP_SYS(getrandom), 0) != 0 ||
      prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || seccomp_load(filter) != 0) {
    std::fputs("usage: ebb_without_entropy program [argument...]\n", stderr);
    return 126;
  }
  execv(argv[1], argv + 1);
  std::perror(argv[1]);
  return 127;
}
