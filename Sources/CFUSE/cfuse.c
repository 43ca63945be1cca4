#define FUSE_USE_VERSION 314

#include "cfuse.h"

#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <limits.h>
#include <link.h>
#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/// What libfuse hands back to each callback.
struct binding {
    cfuse_operations operations;
    void *context;
    /// From the arrival of INIT to its answer, during which libfuse writes nothing else. All threads that answer look at it.
    atomic_bool is_answering_init;
};

/// Set once, before the first session: libfuse's log function has no user data.
static void (*log_text)(int, const char *);

static struct fuse_session *native(cfuse_session *session) { return (struct fuse_session *)session; }
static fuse_req_t req(cfuse_request *request) { return (fuse_req_t)request; }
static cfuse_request *request_of(fuse_req_t r) { return (cfuse_request *)r; }
static struct binding *binding_of(fuse_req_t r) { return fuse_req_userdata(r); }

#define CALL(r, operation, ...) \
    binding_of(r)->operations.operation(binding_of(r)->context, request_of(r), ##__VA_ARGS__)

// MARK: Callbacks

static void on_init(void *userdata, struct fuse_conn_info *connection) {
    ((struct binding *)userdata)->is_answering_init = connection->capable & FUSE_CAP_PARALLEL_DIROPS;
    unsigned wanted = FUSE_CAP_READDIRPLUS | FUSE_CAP_CACHE_SYMLINKS | FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_ASYNC_READ |
                      FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE;
    // READDIRPLUS_AUTO would leave attributes out of most answers. ATOMIC_O_TRUNC would let the kernel empty a file in
    // its own cache, without asking, when it is opened with O_TRUNC on a mount that was made writable (fs/fuse/file.c,
    // fuse_truncate_update_attr). SPLICE_READ costs two more system calls per request and serves only large writes.
    unsigned unwanted = FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_SPLICE_READ;
    connection->want = (connection->want | (wanted & connection->capable)) & ~unwanted;
    // Reads of pages are "background" requests in the kernel. With its default of 12, a dozen slow reads hold up every
    // other file's.
    connection->max_background = 1024;
    connection->congestion_threshold = 1024;
}

static void on_lookup(fuse_req_t r, fuse_ino_t parent, const char *name) { CALL(r, lookup, parent, name); }

static void on_forget(fuse_req_t r, fuse_ino_t node, uint64_t lookups) {
    struct binding *binding = binding_of(r);
    binding->operations.forget(binding->context, node, lookups);
    fuse_reply_none(r);
}

static void on_forget_multi(fuse_req_t r, size_t count, struct fuse_forget_data *forgets) {
    struct binding *binding = binding_of(r);
    for (size_t i = 0; i < count; i++)
        binding->operations.forget(binding->context, forgets[i].ino, forgets[i].nlookup);
    fuse_reply_none(r);
}

static void on_getattr(fuse_req_t r, fuse_ino_t node, struct fuse_file_info *file) { CALL(r, get_attributes, node); }
static void on_readlink(fuse_req_t r, fuse_ino_t node) { CALL(r, read_link, node); }
static void on_read(fuse_req_t r, fuse_ino_t node, size_t size, off_t offset, struct fuse_file_info *file) {
    CALL(r, read, node, offset, size);
}
static void on_readdir(fuse_req_t r, fuse_ino_t node, size_t size, off_t offset, struct fuse_file_info *file) {
    CALL(r, read_directory, node, offset, size, false);
}
static void on_readdirplus(fuse_req_t r, fuse_ino_t node, size_t size, off_t offset, struct fuse_file_info *file) {
    CALL(r, read_directory, node, offset, size, true);
}
static void on_statfs(fuse_req_t r, fuse_ino_t node) { CALL(r, get_statistics); }
static void on_getxattr(fuse_req_t r, fuse_ino_t node, const char *name, size_t size) {
    CALL(r, get_extended_attribute, node, name, size);
}
static void on_listxattr(fuse_req_t r, fuse_ino_t node, size_t size) {
    CALL(r, get_extended_attribute, node, NULL, size);
}
// A missing open or opendir would make libfuse answer success (lib/fuse_lowlevel.c, do_open).
static void on_open(fuse_req_t r, fuse_ino_t node, struct fuse_file_info *file) { CALL(r, open); }

static void on_setattr(fuse_req_t r, fuse_ino_t n, struct stat *s, int set, struct fuse_file_info *f) {
    CALL(r, modify);
}
static void on_mknod(fuse_req_t r, fuse_ino_t p, const char *name, mode_t mode, dev_t device) { CALL(r, modify); }
static void on_mkdir(fuse_req_t r, fuse_ino_t p, const char *name, mode_t mode) { CALL(r, modify); }
static void on_unlink(fuse_req_t r, fuse_ino_t p, const char *name) { CALL(r, modify); }
static void on_symlink(fuse_req_t r, const char *target, fuse_ino_t p, const char *name) { CALL(r, modify); }
static void on_rename(fuse_req_t r, fuse_ino_t p, const char *name, fuse_ino_t q, const char *to, unsigned flags) {
    CALL(r, modify);
}
static void on_link(fuse_req_t r, fuse_ino_t n, fuse_ino_t p, const char *name) { CALL(r, modify); }
static void on_write(fuse_req_t r, fuse_ino_t n, const char *bytes, size_t size, off_t at, struct fuse_file_info *f) {
    CALL(r, write, n);
}
static void on_create(fuse_req_t r, fuse_ino_t p, const char *name, mode_t mode, struct fuse_file_info *f) {
    CALL(r, modify);
}
static void on_setxattr(fuse_req_t r, fuse_ino_t n, const char *name, const char *value, size_t size, int flags) {
    CALL(r, modify);
}
static void on_removexattr(fuse_req_t r, fuse_ino_t n, const char *name) { CALL(r, modify); }
static void on_fallocate(fuse_req_t r, fuse_ino_t n, int mode, off_t at, off_t length, struct fuse_file_info *f) {
    CALL(r, modify);
}
static void on_copy_file_range(fuse_req_t r, fuse_ino_t from, off_t from_at, struct fuse_file_info *from_file,
                               fuse_ino_t to, off_t to_at, struct fuse_file_info *to_file, size_t length, int flags) {
    CALL(r, modify);
}

// MARK: Session

cfuse_session *cfuse_session_make(const char *options, const cfuse_operations *operations, bool extended_attributes,
                                  void *context) {
    // flush, access, release, fsync and poll stay out: libfuse answers ENOSYS for them, and the kernel never asks again.
    struct fuse_lowlevel_ops table = {
        .init = on_init,
        .lookup = on_lookup,
        .forget = on_forget,
        .forget_multi = on_forget_multi,
        .getattr = on_getattr,
        .readlink = on_readlink,
        .read = on_read,
        .readdir = on_readdir,
        .readdirplus = on_readdirplus,
        .statfs = on_statfs,
        .getxattr = extended_attributes ? on_getxattr : NULL,
        .listxattr = extended_attributes ? on_listxattr : NULL,
        .open = on_open,
        .opendir = on_open,
        .setattr = on_setattr,
        .mknod = on_mknod,
        .mkdir = on_mkdir,
        .unlink = on_unlink,
        .rmdir = on_unlink,
        .symlink = on_symlink,
        .rename = on_rename,
        .link = on_link,
        .write = on_write,
        .create = on_create,
        .setxattr = on_setxattr,
        .removexattr = on_removexattr,
        .fallocate = on_fallocate,
        .copy_file_range = on_copy_file_range,
    };
    struct binding *binding = malloc(sizeof *binding);
    if (binding == NULL) return NULL;
    *binding = (struct binding){.operations = *operations, .context = context};
    char *arguments[] = {"mount.claro", "-o", (char *)options, NULL};
    struct fuse_args args = FUSE_ARGS_INIT(3, arguments);
    struct fuse_session *session = fuse_session_new(&args, &table, sizeof table, binding);
    fuse_opt_free_args(&args);
    if (session == NULL) free(binding);
    // The binding lives as long as the process: a reply may come from another thread until the very end.
    return (cfuse_session *)session;
}

// libfuse 3.14 takes FUSE_CAP_PARALLEL_DIROPS and leaves it out of its answer to INIT; without it the kernel lets one
// lookup at a time into a directory, and those that wait for it cannot be interrupted (fs/fuse/inode.c, fuse_lock_inode).
static ssize_t write_reply(int descriptor, struct iovec *parts, int count, void *userdata) {
    struct binding *binding = userdata;
    if (binding->is_answering_init) {
        binding->is_answering_init = false;
        // struct fuse_init_out { uint32_t major; uint32_t minor; uint32_t max_readahead; uint32_t flags; … }
        if (count > 1 && parts[1].iov_len >= 16)
            ((uint32_t *)parts[1].iov_base)[3] |= 1 << 18;  // FUSE_PARALLEL_DIROPS
    }
    return writev(descriptor, parts, count);
}
static ssize_t read_request(int descriptor, void *buffer, size_t size, void *userdata) {
    return read(descriptor, buffer, size);
}
static ssize_t splice_reply(int from, off_t *from_at, int to, off_t *to_at, size_t size, unsigned flags,
                            void *userdata) {
    return splice(from, from_at, to, to_at, size, flags);
}

int cfuse_session_mount(cfuse_session *session, const char *path) {
    int result = fuse_session_mount(native(session), path);
    if (result != 0) return result;
    struct fuse_custom_io io = {.writev = write_reply, .read = read_request, .splice_send = splice_reply};
    return fuse_session_custom_io(native(session), &io, fuse_session_fd(native(session)));
}
void cfuse_session_unmount(cfuse_session *session) { fuse_session_unmount(native(session)); }
void cfuse_session_destroy(cfuse_session *session) { fuse_session_destroy(native(session)); }

static void forward_log(enum fuse_log_level level, const char *format, va_list arguments) {
    char text[512];
    vsnprintf(text, sizeof text, format, arguments);
    text[strcspn(text, "\n")] = 0;
    log_text((int)level, text);
}

void cfuse_set_log(void (*log)(int level, const char *text)) {
    log_text = log;
    fuse_set_log_func(forward_log);
}

// MARK: Messages

cfuse_message *cfuse_message_make(void) { return calloc(1, sizeof(struct fuse_buf)); }

void cfuse_message_free(cfuse_message *message) {
    free(((struct fuse_buf *)message)->mem);
    free(message);
}

int cfuse_receive(cfuse_session *session, cfuse_message *message) {
    return fuse_session_receive_buf(native(session), (struct fuse_buf *)message);
}

uint32_t cfuse_message_opcode(const cfuse_message *message) {
    // struct fuse_in_header { uint32_t len; uint32_t opcode; … }
    return ((const uint32_t *)((const struct fuse_buf *)message)->mem)[1];
}

void cfuse_process(cfuse_session *session, cfuse_message *message) {
    fuse_session_process_buf(native(session), (struct fuse_buf *)message);
}

// MARK: Requests

pid_t cfuse_request_thread(cfuse_request *request) { return fuse_req_ctx(req(request))->pid; }

void cfuse_on_interrupt(cfuse_request *request, void (*interrupted)(cfuse_request *, void *), void *context) {
    fuse_req_interrupt_func(req(request), (fuse_interrupt_func_t)interrupted, context);
}

static struct stat stat_of(const cfuse_attributes *attributes) {
    struct timespec time = {.tv_sec = attributes->seconds, .tv_nsec = attributes->nanoseconds};
    return (struct stat){
        .st_ino = attributes->inode,
        .st_size = (off_t)attributes->size,
        .st_blocks = (blkcnt_t)((attributes->size + 511) / 512),
        .st_blksize = 4096,
        .st_mode = attributes->mode,
        .st_nlink = attributes->link_count,
        .st_uid = attributes->user,
        .st_gid = attributes->group,
        .st_atim = time,
        .st_mtim = time,
        .st_ctim = time,
    };
}

static struct fuse_entry_param param_of(const cfuse_entry *entry) {
    return (struct fuse_entry_param){
        .ino = entry->node,
        .attr = stat_of(&entry->attributes),
        .attr_timeout = entry->attribute_seconds,
        .entry_timeout = entry->entry_seconds,
    };
}

void cfuse_reply_error(cfuse_request *request, int error) { fuse_reply_err(req(request), error); }

void cfuse_reply_entry(cfuse_request *request, const cfuse_entry *entry) {
    struct fuse_entry_param param = param_of(entry);
    fuse_reply_entry(req(request), &param);
}

void cfuse_reply_attributes(cfuse_request *request, const cfuse_attributes *attributes, double seconds) {
    struct stat stat = stat_of(attributes);
    fuse_reply_attr(req(request), &stat, seconds);
}

void cfuse_reply_link(cfuse_request *request, const char *target) { fuse_reply_readlink(req(request), target); }

void cfuse_reply_bytes(cfuse_request *request, const void *bytes, size_t size) {
    fuse_reply_buf(req(request), bytes, size);
}

void cfuse_reply_file(cfuse_request *request, int descriptor, int64_t offset, size_t size) {
    struct fuse_bufvec vector = FUSE_BUFVEC_INIT(size);
    vector.buf[0].flags = FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK;
    vector.buf[0].fd = descriptor;
    vector.buf[0].pos = offset;
    fuse_reply_data(req(request), &vector, 0);
}

void cfuse_reply_statistics(cfuse_request *request, const cfuse_statistics *statistics) {
    struct statvfs result = {
        .f_bsize = statistics->block_size,
        .f_frsize = statistics->block_size,
        .f_blocks = statistics->block_count,
        .f_files = statistics->file_count,
        .f_namemax = statistics->name_length,
    };
    fuse_reply_statfs(req(request), &result);
}

void cfuse_reply_extended_attribute_size(cfuse_request *request, size_t size) {
    fuse_reply_xattr(req(request), size);
}

size_t cfuse_add_entry(char *buffer, size_t space, const char *name, uint64_t inode, uint32_t mode,
                       int64_t next_offset) {
    struct stat stat = {.st_ino = inode, .st_mode = mode};
    return fuse_add_direntry(NULL, buffer, space, name, &stat, next_offset);
}

size_t cfuse_add_entry_plus(char *buffer, size_t space, const char *name, const cfuse_entry *entry,
                            int64_t next_offset) {
    struct fuse_entry_param param = param_of(entry);
    return fuse_add_direntry_plus(NULL, buffer, space, name, &param, next_offset);
}

// MARK: Notifications

int cfuse_invalidate_node(cfuse_session *session, uint64_t node, int64_t offset, int64_t length) {
    return fuse_lowlevel_notify_inval_inode(native(session), node, offset, length);
}

int cfuse_invalidate_entry(cfuse_session *session, uint64_t parent, const char *name, size_t name_length) {
    return fuse_lowlevel_notify_inval_entry(native(session), parent, name, name_length);
}

int cfuse_store(cfuse_session *session, uint64_t node, const void *bytes, size_t size) {
    struct fuse_bufvec vector = FUSE_BUFVEC_INIT(size);
    vector.buf[0].mem = (void *)bytes;
    return fuse_lowlevel_notify_store(native(session), node, 0, &vector, 0);
}

// MARK: Guard

/// What the guard is to watch.
struct watched_mount {
    dev_t device;
    char path[PATH_MAX];
};

static bool receive(int descriptor, void *buffer, size_t size) {
    for (size_t count = 0; count < size;) {
        ssize_t received = read(descriptor, (char *)buffer + count, size - count);
        if (received <= 0) return false;
        count += received;
    }
    return true;
}

static dev_t device_of(int descriptor) {
    struct statx status;
    // What the kernel knows of a mount's root: the daemon may not be there to be asked.
    if (statx(descriptor, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &status) != 0) return 0;
    return makedev(status.stx_dev_major, status.stx_dev_minor);
}

static void abort_connection(const struct watched_mount *mount) {
    // An open path keeps the mount in use, so that the last resort ends the connection and leaves the mount.
    int root = open(mount->path, O_PATH | O_CLOEXEC);
    if (root < 0 || device_of(root) != mount->device) return;
    char file[64];
    snprintf(file, sizeof file, "/sys/fs/fuse/connections/%u/abort", minor(mount->device));
    int control = open(file, O_WRONLY | O_CLOEXEC);
    if (control < 0 || write(control, "1", 1) != 1) umount2(mount->path, MNT_FORCE);
}

// For ps(1) and pgrep(1), which would show the daemon twice. The arguments stand in a row, the first one first.
static void set_title(void) {
    static const char title[] = "mount.claro: guard";
    char bytes[4096];
    size_t size = 0;
    ssize_t count;
    int arguments = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    while ((count = read(arguments, bytes, sizeof bytes)) > 0) size += count;
    close(arguments);
    memset(program_invocation_name, 0, size);
    if (size > sizeof title) memcpy(program_invocation_name, title, sizeof title);
    prctl(PR_SET_NAME, "claro-guard");
}

static void guard(pid_t daemon, int pipe) {
    set_title();
    sigset_t signals;
    sigfillset(&signals);
    sigprocmask(SIG_SETMASK, &signals, NULL);
    // Who waits for a daemon's output to end must not wait for this process.
    if (dup2(pipe, 0) != 0 || close_range(1, ~0U, 0) != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGUSR1);
    struct watched_mount mount;
    if (getppid() != daemon || !receive(0, &mount, sizeof mount)) return;
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    // The kernel sends it in the name of the thread that has ended. As long as another one stays, so does the parent.
    siginfo_t signal;
    do signal.si_pid = 0;
    while (sigwaitinfo(&signals, &signal) < 0 || signal.si_pid != daemon);
    abort_connection(&mount);
}

cfuse_guard cfuse_guard_start(void) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return (cfuse_guard){0, -1};
    pid_t daemon = getpid(), process = fork();
    if (process == 0) {
        guard(daemon, ends[0]);
        _exit(0);
    }
    close(ends[0]);
    return (cfuse_guard){process, ends[1]};
}

void cfuse_guard_watch(cfuse_guard guard, const char *path) {
    struct watched_mount mount = {0};
    int root = open(path, O_PATH | O_CLOEXEC);
    if (root >= 0) mount.device = device_of(root);
    if (root >= 0) close(root);
    strncpy(mount.path, path, sizeof mount.path - 1);
    (void)!write(guard.pipe, &mount, sizeof mount);
}

void cfuse_guard_end(cfuse_guard guard) {
    close(guard.pipe);
    if (guard.process <= 0) return;
    kill(guard.process, SIGKILL);
    waitpid(guard.process, NULL, 0);
}

// MARK: The process

void cfuse_forbid_core_dumps(void) { prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

void cfuse_give_back_freed_memory(void) {
    mallopt(M_MMAP_THRESHOLD, 128 << 10);
    mallopt(M_ARENA_MAX, 4);
}

void cfuse_trim_freed_memory(void) { malloc_trim(0); }

static int give_back_code_of(struct dl_phdr_info *object, size_t size, void *context) {
    (void)size;
    (void)context;
    const uintptr_t page = sysconf(_SC_PAGESIZE);
    for (size_t index = 0; index < object->dlpi_phnum; index++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[index];
        // What may be written holds relocated addresses, which no file has.
        if (segment->p_type != PT_LOAD || segment->p_flags & PF_W) continue;
        const uintptr_t start = object->dlpi_addr + segment->p_vaddr;
        const uintptr_t first = (start + page - 1) & -page, end = (start + segment->p_filesz) & -page;
        if (first < end) madvise((void *)first, end - first, MADV_DONTNEED);
    }
    return 0;
}

void cfuse_give_back_code(void) { dl_iterate_phdr(give_back_code_of, NULL); }
