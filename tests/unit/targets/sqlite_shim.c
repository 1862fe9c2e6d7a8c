#include "targets/sqlite_shim.h"

#include <sqlite3.h>

#include <stddef.h>

static sqlite3_vfs shim;
static sqlite3_vfs *real;
static unsigned long syncs;
static long writes_left = -1;
static bool read_only;

/* The unix VFS has one table of methods for databases and one for all other files. */
static struct {
    const sqlite3_io_methods *real;
    sqlite3_io_methods shim;
} methods[2];

static const sqlite3_io_methods *real_of(const sqlite3_file *file)
{
    return file->pMethods == &methods[0].shim ? methods[0].real : methods[1].real;
}

static int shim_sync(sqlite3_file *file, int flags)
{
    syncs++;
    return real_of(file)->xSync(file, flags);
}

static int shim_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 offset)
{
    if (writes_left == 0)
        return SQLITE_FULL;
    writes_left -= writes_left > 0;
    return real_of(file)->xWrite(file, bytes, len, offset);
}

static int shim_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
    (void)vfs;
    if (read_only && (flags & SQLITE_OPEN_MAIN_DB)) {
        flags &= ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
        flags |= SQLITE_OPEN_READONLY;
    }
    int rc = real->xOpen(real, name, file, flags, out);
    if (rc != SQLITE_OK || !file->pMethods)
        return rc;
    size_t i = (flags & SQLITE_OPEN_MAIN_DB) ? 0 : 1;
    methods[i].real = file->pMethods;
    methods[i].shim = *file->pMethods;
    methods[i].shim.xSync = shim_sync;
    methods[i].shim.xWrite = shim_write;
    file->pMethods = &methods[i].shim;
    return rc;
}

static int shim_sleep(sqlite3_vfs *vfs, int microseconds)
{
    (void)vfs;
    return microseconds;
}

void sqlite_shim_install(void)
{
    real = sqlite3_vfs_find(NULL);
    shim = *real;
    shim.zName = "shim";
    shim.xOpen = shim_open;
    shim.xSleep = shim_sleep;
    (void)sqlite3_vfs_register(&shim, 1);
}

unsigned long sqlite_shim_syncs(void)
{
    return syncs;
}

void sqlite_shim_fill_after(long count)
{
    writes_left = count;
}

void sqlite_shim_read_only(bool is_read_only)
{
    read_only = is_read_only;
}
