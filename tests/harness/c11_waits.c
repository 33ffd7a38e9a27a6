// libfaketime shifts pthread_cond_timedwait but not the C11 call cnd_timedwait, by which librdkafka waits. The deadlines of
// librdkafka would then follow one clock and its waits another. This library is preloaded before libfaketime and implements
// the C11 call by the POSIX call. The types are the same in glibc.
#include <errno.h>
#include <pthread.h>
#include <threads.h>

int cnd_timedwait(cnd_t *condition, mtx_t *mutex, const struct timespec *until) {
  int code = pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, until);
  return code == 0 ? thrd_success : code == ETIMEDOUT ? thrd_timedout : thrd_error;
}
