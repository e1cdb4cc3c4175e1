// Locks, conditions, semaphores, barriers, once, thread-local keys: pthreads. Misuse ends the program, as there is no
// way to report it.
#include <pthread.h>
#include <semaphore.h>
#include <time.h>

#include <cerrno>

#include "os/clock.h"
#include "uv.h"

namespace {

void Must(int error) {
  if (error != 0) [[unlikely]]
    __builtin_trap();
}

int InitMutex(uv_mutex_t* mutex, int type) {
  pthread_mutexattr_t attributes;
  Must(pthread_mutexattr_init(&attributes));
  Must(pthread_mutexattr_settype(&attributes, type));
  const int error = pthread_mutex_init(mutex, &attributes);
  Must(pthread_mutexattr_destroy(&attributes));
  return -error;
}

// For the operations that report "not now" as EBUSY or EAGAIN.
int Tried(int error) {
  if (error == 0) return 0;
  if (error != EBUSY && error != EAGAIN) __builtin_trap();
  return UV_EBUSY;
}

}  // namespace

int uv_mutex_init(uv_mutex_t* mutex) { return -pthread_mutex_init(mutex, nullptr); }
int uv_mutex_init_recursive(uv_mutex_t* mutex) { return InitMutex(mutex, PTHREAD_MUTEX_RECURSIVE); }
void uv_mutex_destroy(uv_mutex_t* mutex) { Must(pthread_mutex_destroy(mutex)); }
void uv_mutex_lock(uv_mutex_t* mutex) { Must(pthread_mutex_lock(mutex)); }
int uv_mutex_trylock(uv_mutex_t* mutex) { return Tried(pthread_mutex_trylock(mutex)); }
void uv_mutex_unlock(uv_mutex_t* mutex) { Must(pthread_mutex_unlock(mutex)); }

int uv_rwlock_init(uv_rwlock_t* lock) { return -pthread_rwlock_init(lock, nullptr); }
void uv_rwlock_destroy(uv_rwlock_t* lock) { Must(pthread_rwlock_destroy(lock)); }
void uv_rwlock_rdlock(uv_rwlock_t* lock) { Must(pthread_rwlock_rdlock(lock)); }
int uv_rwlock_tryrdlock(uv_rwlock_t* lock) { return Tried(pthread_rwlock_tryrdlock(lock)); }
void uv_rwlock_rdunlock(uv_rwlock_t* lock) { Must(pthread_rwlock_unlock(lock)); }
void uv_rwlock_wrlock(uv_rwlock_t* lock) { Must(pthread_rwlock_wrlock(lock)); }
int uv_rwlock_trywrlock(uv_rwlock_t* lock) { return Tried(pthread_rwlock_trywrlock(lock)); }
void uv_rwlock_wrunlock(uv_rwlock_t* lock) { Must(pthread_rwlock_unlock(lock)); }

int uv_sem_init(uv_sem_t* sem, unsigned int value) { return sem_init(sem, 0, value) == 0 ? 0 : -errno; }
void uv_sem_destroy(uv_sem_t* sem) { Must(sem_destroy(sem)); }
void uv_sem_post(uv_sem_t* sem) { Must(sem_post(sem)); }
void uv_sem_wait(uv_sem_t* sem) {
  while (sem_wait(sem) != 0) {
    if (errno != EINTR) __builtin_trap();
  }
}
int uv_sem_trywait(uv_sem_t* sem) {
  while (sem_trywait(sem) != 0) {
    if (errno == EAGAIN) return UV_EAGAIN;
    if (errno != EINTR) __builtin_trap();
  }
  return 0;
}

int uv_cond_init(uv_cond_t* cond) {
  // Timed waits count monotonic time.
  pthread_condattr_t attributes;
  int error = pthread_condattr_init(&attributes);
  if (error != 0) return -error;
  error = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  if (error == 0) error = pthread_cond_init(cond, &attributes);
  pthread_condattr_destroy(&attributes);
  return -error;
}
void uv_cond_destroy(uv_cond_t* cond) { Must(pthread_cond_destroy(cond)); }
void uv_cond_signal(uv_cond_t* cond) { Must(pthread_cond_signal(cond)); }
void uv_cond_broadcast(uv_cond_t* cond) { Must(pthread_cond_broadcast(cond)); }
void uv_cond_wait(uv_cond_t* cond, uv_mutex_t* mutex) { Must(pthread_cond_wait(cond, mutex)); }
int uv_cond_timedwait(uv_cond_t* cond, uv_mutex_t* mutex, uint64_t timeout) {
  constexpr uint64_t kNsPerS = 1000000000;
  const uint64_t due = ebb::uv::monotonic_clock->MonotonicNs() + timeout;
  const timespec until = {static_cast<time_t>(due / kNsPerS), static_cast<long>(due % kNsPerS)};
  const int error = pthread_cond_timedwait(cond, mutex, &until);
  if (error == ETIMEDOUT) return UV_ETIMEDOUT;
  Must(error);
  return 0;
}

int uv_barrier_init(uv_barrier_t* barrier, unsigned int count) {
  return -pthread_barrier_init(barrier, nullptr, count);
}
void uv_barrier_destroy(uv_barrier_t* barrier) { Must(pthread_barrier_destroy(barrier)); }
int uv_barrier_wait(uv_barrier_t* barrier) {
  const int result = pthread_barrier_wait(barrier);
  if (result != 0 && result != PTHREAD_BARRIER_SERIAL_THREAD) __builtin_trap();
  return result == PTHREAD_BARRIER_SERIAL_THREAD ? 1 : 0;
}

void uv_once(uv_once_t* guard, void (*callback)(void)) { Must(pthread_once(guard, callback)); }

int uv_key_create(uv_key_t* key) { return -pthread_key_create(key, nullptr); }
void uv_key_delete(uv_key_t* key) { Must(pthread_key_delete(*key)); }
void* uv_key_get(uv_key_t* key) { return pthread_getspecific(*key); }
void uv_key_set(uv_key_t* key, void* value) { Must(pthread_setspecific(*key, value)); }
