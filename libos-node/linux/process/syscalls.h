// Syscalls about the process, its threads, time and memory. Each returns its result or -errno.
#pragma once

#include <cstdint>

namespace ebb::linux_abi {

// threads.cc
int64_t SysClone(uint64_t flags, uint64_t stack, uint64_t parent_tid, uint64_t child_tid, uint64_t tls);
int64_t SysExit(int code);
int64_t SysExitGroup(int code);
int64_t SysGettid();
int64_t SysSetTidAddress(uint64_t address);
int64_t SysSetRobustList(uint64_t head, uint64_t size);
int64_t SysArchPrctl(int code, uint64_t address);
int64_t SysSchedYield();
int64_t SysSchedGetaffinity(int pid, uint64_t size, uint64_t mask);
int64_t SysSchedSetaffinity(int pid, uint64_t size, uint64_t mask);
int64_t SysSchedGetparam(int pid, uint64_t parameter);
int64_t SysSchedGetscheduler(int pid);
int64_t SysSchedSetscheduler(int pid, int policy, uint64_t parameter);
int64_t SysSchedPriorityBound(int policy);
int64_t SysGetcpu(uint64_t cpu, uint64_t node);
int64_t SysPrctl(int option, uint64_t a, uint64_t b, uint64_t c, uint64_t d);

// identity.cc
int64_t SysGetpid();
int64_t SysGetppid();
int64_t SysZero();
int64_t SysSetId(uint32_t id);
int64_t SysSetTwoIds(uint32_t real, uint32_t effective);
int64_t SysSetThreeIds(uint32_t real, uint32_t effective, uint32_t saved);
int64_t SysGetresid(uint64_t real, uint64_t effective, uint64_t saved);
int64_t SysGetgroups(int size, uint64_t list);
int64_t SysUname(uint64_t out);
int64_t SysSysinfo(uint64_t out);
int64_t SysCapget(uint64_t header, uint64_t data);
int64_t SysGetrlimit(int resource, uint64_t out);
int64_t SysPrlimit64(int pid, int resource, uint64_t new_limit, uint64_t old_limit);
int64_t SysGetrusage(int who, uint64_t out);
int64_t SysGetrandom(uint64_t buffer, uint64_t size, uint32_t flags);
int64_t SysGetpriority(int which, int who);
int64_t SysWait4(int pid, uint64_t status, int options, uint64_t usage);

// time.cc
int64_t SysClockGettime(int clock_id, uint64_t out);
int64_t SysClockGetres(int clock_id, uint64_t out);
int64_t SysGettimeofday(uint64_t value, uint64_t zone);
int64_t SysTime(uint64_t out);
int64_t SysTimes(uint64_t out);
int64_t SysNanosleep(uint64_t duration, uint64_t rest);
int64_t SysClockNanosleep(int clock_id, int flags, uint64_t request, uint64_t rest);

// memory.cc (linux/mm)
int64_t SysMmap(uint64_t address, uint64_t size, uint32_t prot, uint32_t flags, int fd, uint64_t offset);
int64_t SysMunmap(uint64_t address, uint64_t size);
int64_t SysMprotect(uint64_t address, uint64_t size, uint32_t prot);
int64_t SysMremap(uint64_t address, uint64_t old_size, uint64_t new_size, uint32_t flags, uint64_t new_address);
int64_t SysMadvise(uint64_t address, uint64_t size, int advice);
int64_t SysMincore(uint64_t address, uint64_t size, uint64_t vector);
int64_t SysBrk(uint64_t address);

}  // namespace ebb::linux_abi
