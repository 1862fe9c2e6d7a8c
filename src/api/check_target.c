#include "api/check_int.h"

#include "api/target_look.h"
#include "api/target_url.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { PATH_BYTES_MAX = 4096 };
#define FREE_BYTES_MIN ((uint64_t)100 << 20)

/* The directory that `path` lies in. */
static void directory_of(const char *path, char out[PATH_BYTES_MAX])
{
    const char *slash = strrchr(path, '/');
    size_t len = !slash ? 0 : slash == path ? 1 : (size_t)(slash - path);
    (void)snprintf(out, PATH_BYTES_MAX, "%.*s", len > 0 ? (int)len : 1, len > 0 ? path : ".");
}

static bool may_write(struct bkt_check *check, const char *path, const char *directory)
{
    char fix[PATH_BYTES_MAX + 64];
    bool exists = access(path, F_OK) == 0;
    struct stat found;
    if (stat(directory, &found) != 0 || !S_ISDIR(found.st_mode)) {
        (void)snprintf(fix, sizeof(fix), "mkdir -p '%s'", directory);
        check_tell(check, "target", BKT_CHECK_WRONG, fix, "%s: there is no directory %s", path,
                   directory);
        return false;
    }
    const char *lacking = access(directory, W_OK | X_OK) != 0        ? directory
                          : exists && access(path, R_OK | W_OK) != 0 ? path
                                                                     : NULL;
    if (!lacking)
        return true;
    (void)snprintf(fix, sizeof(fix), "let this user write there: chown or chmod '%s'", lacking);
    check_tell(check, "target", BKT_CHECK_WRONG, fix, "%s: %s may not be written: %s%s", path,
               lacking, strerror(errno),
               lacking == directory ? " (a database makes files beside its own)" : "");
    return false;
}

static void tell_space(struct bkt_check *check, const char *directory)
{
    struct statvfs fs;
    if (statvfs(directory, &fs) != 0)
        return;
    uint64_t free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    bool is_scarce = free_bytes < FREE_BYTES_MIN;
    check_tell(check, "target-space", is_scarce ? BKT_CHECK_WARNING : BKT_CHECK_OK,
               is_scarce ? "make room, or put the table elsewhere" : NULL, "%llu MB free in %s",
               (unsigned long long)(free_bytes / 1000000), directory);
}

/* Whether the table is ours or can be made, without making it. */
static int look(struct bkt_check *check, const char *shown, struct bkt_error *err)
{
    struct bkt_table_target target = {0};
    struct bkt_attached attached = {0};
    int rc = bkt_target_look(check->settings, &target, err);
    if (rc == BKT_OK)
        rc = bkt_target_peek(check->settings, &target, &attached, err);
    if (target.ops)
        target.ops->free(target.self);
    if (rc == BKT_OK) {
        check_tell(check, "target", BKT_CHECK_OK, NULL, "%s: %s", shown,
                   attached.is_new ? "the table will be made" : "the table is this source's");
    } else if (rc == BKT_EUNSUPPORTED) {
        check_tell(check, "target", BKT_CHECK_WARNING, "bucketable sync tries it",
                   "%s: a target of this kind cannot be tried without changing it", shown);
    } else if (!check_is_fatal(rc)) {
        check_tell(check, "target", BKT_CHECK_WRONG, NULL, "%s", err->message);
    }
    return check_is_fatal(rc) ? rc : BKT_OK;
}

int check_target(struct bkt_check *check, struct bkt_error *err)
{
    struct bkt_buf file = BKT_BUF_INIT(PATH_BYTES_MAX);
    struct bkt_buf shown = BKT_BUF_INIT(PATH_BYTES_MAX);
    char directory[PATH_BYTES_MAX];
    bool has_rows = false;
    bool is_writable = true;
    int rc = bkt_target_state_file(check->settings, &file, &has_rows, err);
    if (rc == BKT_OK) {
        rc = check->settings->url ? bkt_url_printable(bkt_str_from(check->settings->url), &shown)
                                  : bkt_buf_append(&shown, BKT_STR("the target"));
        if (rc)
            (void)bkt_error_set(err, rc, "check the target: %s", bkt_error_text(rc));
    }
    if (rc == BKT_OK && file.len > 0) {
        directory_of(file.ptr, directory);
        is_writable = may_write(check, file.ptr, directory);
    }
    if (rc == BKT_OK && is_writable)
        rc = look(check, shown.ptr, err);
    if (rc == BKT_OK && is_writable && file.len > 0)
        tell_space(check, directory);
    bkt_buf_clear(&file);
    bkt_buf_clear(&shown);
    return rc;
}
