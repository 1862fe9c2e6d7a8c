#include "targets/sqlite_faults.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { FILE_BYTES_MAX = 4 << 20, SECTOR_BYTES = 512, FILES_MAX = 6 };

/* What of a file would survive. */
struct durable {
    char name[128];
    size_t len;
    unsigned char bytes[FILE_BYTES_MAX];
};

/* The real file follows; `durable` is NULL for files that end with their connection. */
struct file {
    sqlite3_file base;
    struct durable *durable;
};

static sqlite3_vfs vfs;
static sqlite3_vfs *real;
static struct durable files[FILES_MAX];
static size_t file_count;
static atomic_bool armed;
static enum sqlite_fault armed_kind;
static atomic_long left;
static atomic_bool hit;

static sqlite3_file *real_file(sqlite3_file *file)
{
    return (sqlite3_file *)((struct file *)(void *)file + 1);
}

/* The real VFS's own, whatever its version. */
#define REAL(file, method) real_file(file)->pMethods->method(real_file(file)

static bool fails(enum sqlite_fault kind)
{
    bool power_is_off = armed && hit && armed_kind == SQLITE_FAULT_POWER;
    if (!armed || (hit && !power_is_off))
        return false;
    bool counts = kind == armed_kind || (armed_kind == SQLITE_FAULT_POWER &&
                                         kind != SQLITE_FAULT_READ && kind != SQLITE_FAULT_FULL);
    if (!hit && counts)
        hit = left-- == 0;
    else if (!power_is_off)
        return false;
    return hit;
}

static bool power_is_off(void)
{
    return armed && hit && armed_kind == SQLITE_FAULT_POWER;
}

static int file_close(sqlite3_file *file)
{
    return REAL(file, xClose));
}

static int file_read(sqlite3_file *file, void *bytes, int len, sqlite3_int64 at)
{
    return fails(SQLITE_FAULT_READ) ? SQLITE_IOERR_READ : REAL(file, xRead), bytes, len, at);
}

static int file_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at)
{
    if (fails(SQLITE_FAULT_WRITE))
        return SQLITE_IOERR_WRITE;
    return fails(SQLITE_FAULT_FULL) ? SQLITE_FULL : REAL(file, xWrite), bytes, len, at);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return fails(SQLITE_FAULT_TRUNCATE) ? SQLITE_IOERR_TRUNCATE : REAL(file, xTruncate), size);
}

static int file_sync(sqlite3_file *file, int flags)
{
    (void)flags;
    if (fails(SQLITE_FAULT_SYNC))
        return SQLITE_IOERR_FSYNC;
    struct durable *durable = ((struct file *)(void *)file)->durable;
    sqlite3_int64 size = 0;
    if (!durable)
        return SQLITE_OK;
    int rc = REAL(file, xFileSize), &size);
    assert(size <= FILE_BYTES_MAX);
    if (rc == SQLITE_OK && size > 0)
        rc = REAL(file, xRead), durable->bytes, (int)size, 0);
    if (rc == SQLITE_OK)
        durable->len = (size_t)size;
    return rc;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *out_size)
{
    return REAL(file, xFileSize), out_size);
}

static int file_lock(sqlite3_file *file, int kind)
{
    return REAL(file, xLock), kind);
}

static int file_unlock(sqlite3_file *file, int kind)
{
    return REAL(file, xUnlock), kind);
}

static int file_check_lock(sqlite3_file *file, int *out_is_locked)
{
    return REAL(file, xCheckReservedLock), out_is_locked);
}

static int file_control(sqlite3_file *file, int op, void *arg)
{
    return REAL(file, xFileControl), op, arg);
}

static int file_sector_size(sqlite3_file *file)
{
    (void)file;
    return SECTOR_BYTES;
}

/* Nothing is promised of this disk. */
static int file_characteristics(sqlite3_file *file)
{
    (void)file;
    return 0;
}

static int file_shm_map(sqlite3_file *file, int page, int len, int extend, void volatile **out)
{
    return REAL(file, xShmMap), page, len, extend, out);
}

static int file_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return REAL(file, xShmLock), offset, count, flags);
}

static void file_shm_barrier(sqlite3_file *file)
{
    REAL(file, xShmBarrier));
}

static int file_shm_unmap(sqlite3_file *file, int is_last)
{
    return REAL(file, xShmUnmap), is_last);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

static struct durable *find(const char *name)
{
    for (size_t i = 0; i < file_count; i++) {
        if (strcmp(files[i].name, name) == 0)
            return &files[i];
    }
    assert(file_count < FILES_MAX);
    struct durable *file = &files[file_count++];
    file->len = 0;
    (void)snprintf(file->name, sizeof(file->name), "%s", name);
    return file;
}

static int vfs_open(sqlite3_vfs *self, const char *name, sqlite3_file *file, int flags, int *out)
{
    (void)self;
    file->pMethods = NULL;
    if (power_is_off())
        return SQLITE_CANTOPEN;
    int rc = real->xOpen(real, name, real_file(file), flags, out);
    if (rc != SQLITE_OK || !real_file(file)->pMethods)
        return rc;
    int lasting = SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL;
    ((struct file *)(void *)file)->durable = name && (flags & lasting) ? find(name) : NULL;
    file->pMethods = &methods;
    return rc;
}

/* A file that is gone stays gone: SQLite removes a log only when all of it is synced elsewhere. */
static int vfs_delete(sqlite3_vfs *self, const char *name, int sync_folder)
{
    (void)self;
    if (power_is_off())
        return SQLITE_IOERR_DELETE;
    for (size_t i = 0; i < file_count; i++) {
        if (strcmp(files[i].name, name) == 0)
            files[i].len = 0;
    }
    return real->xDelete(real, name, sync_folder);
}

static int vfs_sleep(sqlite3_vfs *self, int microseconds)
{
    (void)self;
    return microseconds;
}

void sqlite_faults_install(void)
{
    real = sqlite3_vfs_find(NULL);
    vfs = *real;
    vfs.zName = "faults";
    vfs.szOsFile = (int)sizeof(struct file) + real->szOsFile;
    vfs.xOpen = vfs_open;
    vfs.xDelete = vfs_delete;
    vfs.xSleep = vfs_sleep;
    (void)sqlite3_vfs_register(&vfs, 1);
}

void sqlite_faults_reset(void)
{
    armed = hit = false;
    file_count = 0;
}

void sqlite_faults_know(const char *name)
{
    struct durable *durable = find(name);
    FILE *file = fopen(name, "rb");
    assert(file);
    durable->len = fread(durable->bytes, 1, sizeof(durable->bytes), file);
    (void)fclose(file);
}

void sqlite_faults_arm(enum sqlite_fault kind, long count)
{
    armed = true;
    hit = false;
    armed_kind = kind;
    left = count;
}

bool sqlite_faults_disarm(void)
{
    bool was_hit = hit;
    armed = hit = false;
    return was_hit;
}

/* Numerical Recipes' generator; its upper bits are the better ones. */
static bool coin(unsigned *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 24) & 1;
}

/* Put into `now` what is left of the file; the length that it has. */
static size_t mix(const struct durable *file, unsigned char *now, size_t len, unsigned seed)
{
    size_t kept = coin(&seed) ? len : file->len;
    for (size_t at = 0; at < kept; at += SECTOR_BYTES) {
        size_t old = file->len > at ? file->len - at : 0;
        if (old > SECTOR_BYTES)
            old = SECTOR_BYTES;
        bool is_new = at < len && coin(&seed);
        if (!is_new) {
            memset(now + at, 0, SECTOR_BYTES);
            memcpy(now + at, file->bytes + at, old);
        }
    }
    return kept;
}

void sqlite_faults_power_on(enum sqlite_unsynced unsynced, unsigned seed)
{
    static unsigned char now[FILE_BYTES_MAX + SECTOR_BYTES];
    for (size_t i = 0; i < file_count && unsynced != SQLITE_UNSYNCED_KEPT; i++) {
        FILE *file = fopen(files[i].name, "rb");
        if (!file)
            continue;
        size_t len = fread(now, 1, FILE_BYTES_MAX, file);
        (void)fclose(file);
        if (unsynced == SQLITE_UNSYNCED_MIXED) {
            len = mix(&files[i], now, len, seed + (unsigned)i);
        } else {
            len = files[i].len;
            memcpy(now, files[i].bytes, len);
        }
        file = fopen(files[i].name, "wb");
        assert(file);
        size_t written = fwrite(now, 1, len, file);
        assert(written == len);
        (void)written;
        (void)fclose(file);
    }
}
