/*
 * Linked into all programs that scripts/test --sanitize builds: how the sanitizers' runtimes report, and the one thing that
 * ThreadSanitizer cannot see by itself.
 */

#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>

/* What the runtimes ask for at their start; REPORTS and SUPPRESSIONS come from scripts/test. A daemon has no environment of the
   test's, so nothing can be said there. Memory that there is not is no report: a test has a daemon run out of it. */
#define COMMON "exitcode=66:log_path=" REPORTS "/report:suppressions=" SUPPRESSIONS ":allocator_may_return_null=1"

const char *__tsan_default_options(void) {
    return COMMON ":halt_on_error=0:second_deadlock_stack=1:history_size=4";
}

const char *__asan_default_options(void) {
    return COMMON ":detect_leaks=0:detect_stack_use_after_return=1:strict_string_checks=1:handle_segv=1";
}

/*
 * Synchronization.Mutex is inlined as far as nobody waits; what waits, and wakes, is in a library that is not instrumented, and
 * lets the kernel hand the lock over. Without this, all that a mutex guards would look like a race as soon as two threads want it.
 */

extern void __tsan_acquire(void *address) __attribute__((weak));
extern void __tsan_release(void *address) __attribute__((weak));

#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"
#define TRY_LOCK "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"

#define SWIFT_FUNCTION __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *

SWIFT_FUNCTION void lock_slow(uint32_t thread, SELF mutex) __asm__(LOCK);
SWIFT_FUNCTION void unlock_slow(SELF mutex) __asm__(UNLOCK);
SWIFT_FUNCTION _Bool try_lock_slow(SELF mutex) __asm__(TRY_LOCK);

typedef SWIFT_FUNCTION void lock_function(uint32_t, SELF);
typedef SWIFT_FUNCTION void unlock_function(SELF);
typedef SWIFT_FUNCTION _Bool try_lock_function(SELF);

static lock_function *next_lock;
static unlock_function *next_unlock;
static try_lock_function *next_try_lock;

__attribute__((constructor)) static void find_next(void) {
    next_lock = (lock_function *)dlsym(RTLD_NEXT, LOCK);
    next_unlock = (unlock_function *)dlsym(RTLD_NEXT, UNLOCK);
    next_try_lock = (try_lock_function *)dlsym(RTLD_NEXT, TRY_LOCK);
}

SWIFT_FUNCTION void lock_slow(uint32_t thread, SELF mutex) {
    next_lock(thread, mutex);
    if (__tsan_acquire) __tsan_acquire(mutex);
}

SWIFT_FUNCTION void unlock_slow(SELF mutex) {
    if (__tsan_release) __tsan_release(mutex);
    next_unlock(mutex);
}

SWIFT_FUNCTION _Bool try_lock_slow(SELF mutex) {
    _Bool is_locked = next_try_lock(mutex);
    if (is_locked && __tsan_acquire) __tsan_acquire(mutex);
    return is_locked;
}
