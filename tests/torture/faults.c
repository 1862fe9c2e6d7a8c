#include "torture/faults.h"

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sqlite3.h>
#ifdef BKT_TORTURE_REDIS
#include <hiredis/hiredis.h>
#endif

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static _Atomic int armed_kind;
static atomic_long left;
static atomic_long seen;
static atomic_long hits;
static bool stays;
static bool is_told;

/* Only where a sanitizer is linked in. */
extern void __sanitizer_print_stack_trace(void) __attribute__((weak));

static bool fails(enum fault_kind kind)
{
    if (atomic_load(&armed_kind) != (int)kind)
        return false;
    atomic_fetch_add(&seen, 1);
    long before = atomic_fetch_sub(&left, 1);
    if (before > 0 || (before < 0 && !stays))
        return false;
    if (atomic_fetch_add(&hits, 1) == 0 && is_told && __sanitizer_print_stack_trace)
        __sanitizer_print_stack_trace();
    return true;
}

void faults_arm(enum fault_kind kind, long count, bool for_good)
{
    stays = for_good;
    atomic_store(&left, count);
    atomic_store(&hits, 0);
    atomic_store(&seen, 0);
    atomic_store(&armed_kind, (int)kind);
}

long faults_disarm(long *out_seen)
{
    atomic_store(&armed_kind, FAULT_NONE);
    *out_seen = atomic_load(&seen);
    return atomic_load(&hits);
}

void faults_tell(void)
{
    is_told = true;
}

/*
 * What the linker leads here instead of to libc, and libc's own. Meson builds with 64 bits for file
 * offsets: those are the names that glibc's headers make of open() and others.
 */

#define WRAPPED(type, name, ...)     \
    type __real_##name(__VA_ARGS__); \
    type __wrap_##name(__VA_ARGS__); \
    type __wrap_##name(__VA_ARGS__)

WRAPPED(void *, malloc, size_t size)
{
    return fails(FAULT_MEMORY) ? NULL : __real_malloc(size);
}

WRAPPED(void *, calloc, size_t count, size_t size)
{
    return fails(FAULT_MEMORY) ? NULL : __real_calloc(count, size);
}

WRAPPED(void *, realloc, void *ptr, size_t size)
{
    return fails(FAULT_MEMORY) ? NULL : __real_realloc(ptr, size);
}

WRAPPED(char *, strdup, const char *text)
{
    return fails(FAULT_MEMORY) ? NULL : __real_strdup(text);
}

static bool fails_with(int errnum)
{
    if (!fails(FAULT_SYSTEM))
        return false;
    errno = errnum;
    return true;
}

int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    return fails_with(EMFILE) ? -1 : __real_open64(path, flags, mode);
}

WRAPPED(FILE *, fopen64, const char *path, const char *mode)
{
    return fails_with(EMFILE) ? NULL : __real_fopen64(path, mode);
}

WRAPPED(FILE *, tmpfile64, void)
{
    return fails_with(ENOSPC) ? NULL : __real_tmpfile64();
}

WRAPPED(FILE *, open_memstream, char **ptr, size_t *size)
{
    return fails_with(ENOMEM) ? NULL : __real_open_memstream(ptr, size);
}

WRAPPED(int, mkstemp64, char *path)
{
    return fails_with(EMFILE) ? -1 : __real_mkstemp64(path);
}

WRAPPED(int, pipe, int *fds)
{
    return fails_with(EMFILE) ? -1 : __real_pipe(fds);
}

WRAPPED(int, epoll_create1, int flags)
{
    return fails_with(EMFILE) ? -1 : __real_epoll_create1(flags);
}

WRAPPED(int, epoll_ctl, int fd, int op, int of, struct epoll_event *event)
{
    return fails_with(ENOMEM) ? -1 : __real_epoll_ctl(fd, op, of, event);
}

WRAPPED(int, eventfd, unsigned count, int flags)
{
    return fails_with(EMFILE) ? -1 : __real_eventfd(count, flags);
}

/* An eventfd, which is no file of any kind, always takes one more and gives what it has. */
static bool file_fails(int fd, int errnum)
{
    struct stat stat;
    return fstat(fd, &stat) == 0 && (stat.st_mode & S_IFMT) && fails_with(errnum);
}

WRAPPED(ssize_t, read, int fd, void *bytes, size_t len)
{
    return file_fails(fd, EIO) ? -1 : __real_read(fd, bytes, len);
}

WRAPPED(ssize_t, pread64, int fd, void *bytes, size_t len, off_t at)
{
    return fails_with(EIO) ? -1 : __real_pread64(fd, bytes, len, at);
}

WRAPPED(ssize_t, write, int fd, const void *bytes, size_t len)
{
    return file_fails(fd, ENOSPC) ? -1 : __real_write(fd, bytes, len);
}

WRAPPED(int, fsync, int fd)
{
    return fails_with(EIO) ? -1 : __real_fsync(fd);
}

WRAPPED(int, fdatasync, int fd)
{
    return fails_with(EIO) ? -1 : __real_fdatasync(fd);
}

WRAPPED(int, ftruncate64, int fd, off_t size)
{
    return fails_with(EIO) ? -1 : __real_ftruncate64(fd, size);
}

WRAPPED(int, rename, const char *from, const char *to)
{
    return fails_with(EIO) ? -1 : __real_rename(from, to);
}

/* A stream remembers that it failed, as ferror() tells. Who waits for a line spares stdout. */
static bool stream_fails(FILE *file, int errnum)
{
    if ((file == stdout && getenv("TORTURE_SPARES_STDOUT")) || !fails_with(errnum))
        return false;
#ifdef __GLIBC__
    enum { ERROR_FLAG = 0x20 }; /* _IO_ERR_SEEN */
    file->_flags |= ERROR_FLAG;
#endif
    return true;
}

WRAPPED(size_t, fwrite, const void *bytes, size_t size, size_t count, FILE *file)
{
    return stream_fails(file, ENOSPC) ? 0 : __real_fwrite(bytes, size, count, file);
}

WRAPPED(size_t, fread, void *bytes, size_t size, size_t count, FILE *file)
{
    return stream_fails(file, EIO) ? 0 : __real_fread(bytes, size, count, file);
}

WRAPPED(int, fflush, FILE *file)
{
    return stream_fails(file, ENOSPC) ? EOF : __real_fflush(file);
}

WRAPPED(int,
        pthread_create,
        pthread_t *thread,
        const pthread_attr_t *attributes,
        void *(*start)(void *),
        void *arg)
{
    return fails_with(EAGAIN) ? EAGAIN : __real_pthread_create(thread, attributes, start, arg);
}

/* The hooks of the libraries. */

static void *library_malloc(size_t size)
{
    return fails(FAULT_LIBRARIES) ? NULL : __real_malloc(size);
}

static void *library_calloc(size_t count, size_t size)
{
    return fails(FAULT_LIBRARIES) ? NULL : __real_calloc(count, size);
}

static void *library_realloc(void *ptr, size_t size)
{
    return fails(FAULT_LIBRARIES) ? NULL : __real_realloc(ptr, size);
}

static char *library_strdup(const char *text)
{
    return fails(FAULT_LIBRARIES) ? NULL : __real_strdup(text);
}

static void *crypto_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return size ? library_malloc(size) : NULL;
}

static void *crypto_realloc(void *ptr, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    if (size > 0)
        return library_realloc(ptr, size);
    free(ptr);
    return NULL;
}

static void crypto_free(void *ptr, const char *file, int line)
{
    (void)file;
    (void)line;
    free(ptr);
}

static sqlite3_mem_methods sqlite_methods;

static void *sqlite_malloc(int size)
{
    return fails(FAULT_LIBRARIES) ? NULL : sqlite_methods.xMalloc(size);
}

static void *sqlite_realloc(void *ptr, int size)
{
    return fails(FAULT_LIBRARIES) ? NULL : sqlite_methods.xRealloc(ptr, size);
}

static void expect(bool done, const char *what)
{
    if (done)
        return;
    (void)fprintf(stderr, "torture: %s takes no hooks\n", what);
    exit(2);
}

void faults_install(void)
{
    expect(CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free) == 1, "libcrypto");
    /* Without memory for its provider's tables libcrypto loses parts of them: they are made now. */
    EVP_MD_free(EVP_MD_fetch(NULL, "SHA256", NULL));
    expect(curl_global_init_mem(CURL_GLOBAL_DEFAULT, library_malloc, free, library_realloc,
                                library_strdup, library_calloc) == CURLE_OK,
           "libcurl");

    expect(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlite_methods) == SQLITE_OK, "SQLite");
    sqlite3_mem_methods methods = sqlite_methods;
    methods.xMalloc = sqlite_malloc;
    methods.xRealloc = sqlite_realloc;
    expect(sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) == SQLITE_OK, "SQLite");

    cJSON_Hooks hooks = {.malloc_fn = __wrap_malloc, .free_fn = free};
    cJSON_InitHooks(&hooks);

#if defined(HIREDIS_MAJOR) && HIREDIS_MAJOR >= 1
    hiredisAllocFuncs functions = {
        .mallocFn = library_malloc,
        .callocFn = library_calloc,
        .reallocFn = library_realloc,
        .strdupFn = library_strdup,
        .freeFn = free,
    };
    (void)hiredisSetAllocators(&functions);
#endif
}
