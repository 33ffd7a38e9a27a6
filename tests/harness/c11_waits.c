// libfaketime shifts pthread_cond_timedwait, but not the C11 call beside it, by which librdkafka waits: its deadlines would
// be of one clock and its waits of the other. Preloaded before libfaketime, this makes one of the other; in glibc the types
// are the same.
#include <errno.h>
#include <pthread.h>
#include <threads.h>

int cnd_timedwait(cnd_t *condition, mtx_t *mutex, const struct timespec *until) {
  int code = pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, until);
  return code == 0 ? thrd_success : code == ETIMEDOUT ? thrd_timedout : thrd_error;
}
