/// A small surface over libfuse3's low-level API: plain structs and opaque pointers, so that no libfuse type (bit-fields,
/// function-like macros, layouts that differ between releases) is seen from Swift. This module holds no logic:
/// each function is one call of libfuse, each callback one call of the table given to `cfuse_session_make`.
#ifndef CFUSE_H
#define CFUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#pragma clang assume_nonnull begin

/// libfuse's `struct fuse_session` and `struct fuse_req`.
typedef struct cfuse_session cfuse_session;
typedef struct cfuse_request cfuse_request;
/// One received message; a worker thread has one and uses it again and again.
typedef struct cfuse_message cfuse_message;

typedef struct {
    uint64_t inode;
    uint64_t size;
    int64_t seconds;
    uint32_t nanoseconds;
    uint32_t mode;
    uint32_t link_count;
    uint32_t user;
    uint32_t group;
} cfuse_attributes;

typedef struct {
    /// 0: there is no such name (a reply with it is a cached negative entry), or the entry has no inode yet (readdirplus).
    uint64_t node;
    cfuse_attributes attributes;
    double attribute_seconds;
    double entry_seconds;
} cfuse_entry;

typedef struct {
    uint64_t block_size;
    uint64_t block_count;
    uint64_t file_count;
    uint64_t name_length;
} cfuse_statistics;

/// What the kernel asks. Each callback but `forget` must lead to exactly one reply. `name` is lent for the call.
typedef struct {
    void (*lookup)(void *context, cfuse_request *request, uint64_t parent, const char *name);
    void (*forget)(void *context, uint64_t node, uint64_t lookups);
    void (*get_attributes)(void *context, cfuse_request *request, uint64_t node);
    void (*read_link)(void *context, cfuse_request *request, uint64_t node);
    void (*read)(void *context, cfuse_request *request, uint64_t node, int64_t offset, size_t size);
    void (*read_directory)(void *context, cfuse_request *request, uint64_t node, int64_t offset, size_t size, bool plus);
    void (*get_statistics)(void *context, cfuse_request *request);
    /// `name` NULL: the list of names. Only called when the session was made with `extended_attributes`.
    void (*get_extended_attribute)(void *context, cfuse_request *request, uint64_t node, const char *_Nullable name,
                                   size_t size);
    /// OPEN and OPENDIR.
    void (*open)(void *context, cfuse_request *request);
    void (*write)(void *context, cfuse_request *request, uint64_t node);
    /// Whatever else would change something.
    void (*modify)(void *context, cfuse_request *request);
} cfuse_operations;

/// `options`: as after `-o`. NULL where libfuse refuses the options or memory is short.
cfuse_session *_Nullable cfuse_session_make(const char *options, const cfuse_operations *operations,
                                           bool extended_attributes, void *context);
int cfuse_session_mount(cfuse_session *session, const char *path);
/// Takes the mount down if it is still there, and closes the device.
void cfuse_session_unmount(cfuse_session *session);
void cfuse_session_destroy(cfuse_session *session);
/// Where libfuse's own messages go (a level as in syslog(3), a text without newline).
void cfuse_set_log(void (*log)(int level, const char *text));

cfuse_message *_Nullable cfuse_message_make(void);
void cfuse_message_free(cfuse_message *message);
/// Waits for a message: its size, 0 at the end of the mount, or a negative errno (-EINTR: a signal).
int cfuse_receive(cfuse_session *session, cfuse_message *message);
/// The opcode (linux/fuse.h, enum fuse_opcode) of the message just received.
uint32_t cfuse_message_opcode(const cfuse_message *message);
void cfuse_process(cfuse_session *session, cfuse_message *message);

/// The thread that asked, as the daemon's pid namespace numbers it; 0 when it has no number there.
pid_t cfuse_request_thread(cfuse_request *request);
/// `interrupted` is called at most once, with the request's lock held, so it must not reply. NULL takes it back and
/// returns only when no call is under way.
void cfuse_on_interrupt(cfuse_request *request, void (*_Nullable interrupted)(cfuse_request *request, void *context),
                        void *_Nullable context);

void cfuse_reply_error(cfuse_request *request, int error);
void cfuse_reply_entry(cfuse_request *request, const cfuse_entry *entry);
void cfuse_reply_attributes(cfuse_request *request, const cfuse_attributes *attributes, double seconds);
void cfuse_reply_link(cfuse_request *request, const char *target);
void cfuse_reply_bytes(cfuse_request *request, const void *_Nullable bytes, size_t size);
/// Bytes of an open file, spliced where the kernel can.
void cfuse_reply_file(cfuse_request *request, int descriptor, int64_t offset, size_t size);
void cfuse_reply_statistics(cfuse_request *request, const cfuse_statistics *statistics);
/// The size that an extended attribute needs, when the caller asked with size 0.
void cfuse_reply_extended_attribute_size(cfuse_request *request, size_t size);

/// Writes one directory entry and returns the bytes it takes; more than `space`: nothing was written.
size_t cfuse_add_entry(char *_Nullable buffer, size_t space, const char *name, uint64_t inode, uint32_t mode,
                       int64_t next_offset);
size_t cfuse_add_entry_plus(char *_Nullable buffer, size_t space, const char *name, const cfuse_entry *entry,
                            int64_t next_offset);

/// Notifications; 0 or a negative errno (-ENOENT: the kernel has no such thing). Not from inside a callback.
int cfuse_invalidate_node(cfuse_session *session, uint64_t node, int64_t offset, int64_t length);
int cfuse_invalidate_entry(cfuse_session *session, uint64_t parent, const char *name, size_t name_length);
/// Puts a file's first `size` bytes into the kernel's pages.
int cfuse_store(cfuse_session *session, uint64_t node, const void *_Nullable bytes, size_t size);

/// A child that aborts the connection of a mount if its parent's main thread has ended; see `ConnectionGuard`.
typedef struct {
    /// Not positive: there is none.
    pid_t process;
    int pipe;
} cfuse_guard;

/// To be called by the main thread, before there is another.
cfuse_guard cfuse_guard_start(void);
/// Tells it what to watch; once.
void cfuse_guard_watch(cfuse_guard guard, const char *path);
void cfuse_guard_end(cfuse_guard guard);

/// prctl(2) is variadic, so Swift cannot call it.
void cfuse_forbid_core_dumps(void);
/// Has malloc(3) give every freed block of 128 KiB or more back to the system. By itself it does so up to the size of the
/// largest that was ever freed. What is smaller stays in the arena of the thread that freed it: there are at most four, not
/// eight for each processor. To be called before there is a second thread; Swift does not see mallopt(3).
void cfuse_give_back_freed_memory(void);
/// Gives back the pages between blocks that are in use (malloc_trim(3), which Swift does not see either).
void cfuse_trim_freed_memory(void);
/// Unmaps the pages of code and constants, of the program and all its libraries: what is used again is mapped again from the
/// page cache, or read from its file (madvise(2), MADV_DONTNEED on a mapping that nothing writes to).
void cfuse_give_back_code(void);

#pragma clang assume_nonnull end

#endif
