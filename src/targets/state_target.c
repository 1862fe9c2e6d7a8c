#include "targets/state_target.h"

#include "core/buf.h"
#include "core/mem.h"
#include "targets/shown.h"
#include "targets/sqlite_target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PATH_BYTES_MAX = 4096 };

/* The name that the state's tables carry in the file, which holds one table's. */
static const struct bkt_str state_table = {"objects", 7};

struct state_target {
    struct bkt_sqlite_outside outside;
    struct bkt_target_ops ops;
    void *self;
    bkt_state_recover_fn *recover; /* NULL: there is nothing to recover */
    unsigned columns;
    bool binary;
    bool is_begun;   /* a batch, neither confirmed nor abandoned */
    char *directory; /* of a temporary state, or NULL */
};

/* The batch begins with its first row: one that has none does not bother the target. */
static int begin_batch(struct state_target *target, struct bkt_error *err)
{
    if (target->is_begun)
        return BKT_OK;
    target->is_begun = true;
    return target->ops.begin ? target->ops.begin(target->self, err) : BKT_OK;
}

static int write_row(void *self, struct bkt_change *change, struct bkt_error *err)
{
    struct state_target *target = self;
    struct bkt_error why = {0};
    int rc = begin_batch(target, &why);
    if (rc == BKT_OK) {
        struct bkt_shown shown;
        bkt_show(change, target->columns, target->binary, &shown);
        rc = target->ops.apply(target->self, &shown.row, &why);
        if (rc == BKT_EUNSUPPORTED) {
            change->outcome = BKT_OUTCOME_REJECTED;
            (void)snprintf(change->reject_reason, sizeof(change->reject_reason), "%.*s",
                           (int)sizeof(change->reject_reason) - 1, why.message);
            return BKT_OK;
        }
    }
    if (rc && err) {
        *err = why;
        err->code = rc;
    }
    return rc;
}

static int confirm_rows(void *self, struct bkt_error *err)
{
    struct state_target *target = self;
    if (!target->is_begun)
        return BKT_OK;
    int rc = target->ops.commit(target->self, err);
    if (rc == BKT_OK)
        target->is_begun = false;
    else if (err)
        err->code = rc;
    return rc;
}

static void abandon_rows(void *self)
{
    struct state_target *target = self;
    if (target->is_begun && target->ops.rollback)
        target->ops.rollback(target->self);
    target->is_begun = false;
}

static int attach_rows(void *self,
                       const struct bkt_table_spec *spec,
                       bool is_new,
                       struct bkt_error *err)
{
    struct state_target *target = self;
    target->columns = spec->columns;
    target->binary = spec->binary;
    if (!target->ops.attach)
        return BKT_OK;
    char *source = bkt_mem_strdup(spec->source.ptr, spec->source.len);
    if (!source)
        return bkt_error_set(err, BKT_ENOMEM, "attach the target: out of memory");
    struct bkt_target_table table = {
        .source = source,
        .is_new = is_new,
        .binary = spec->binary,
    };
    int rc = target->ops.attach(target->self, &table, err);
    bkt_mem_free(source);
    return rc;
}

static int recover_rows(void *self, bkt_outside_found_fn *fn, void *ctx, struct bkt_error *err)
{
    struct state_target *target = self;
    if (!target->recover)
        return BKT_OK;
    return target->recover(target->self, target->columns, target->binary, fn, ctx, err);
}

static void remove_temporary(const char *directory)
{
    static const char *const names[] = {"state", "state-wal", "state-shm"};
    char path[PATH_BYTES_MAX];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(directory);
}

static void clear(struct state_target *target)
{
    if (target->directory)
        remove_temporary(target->directory);
    bkt_mem_free(target->directory);
    bkt_mem_free(target);
}

static void free_rows(void *self)
{
    struct state_target *target = self;
    if (target->ops.free)
        target->ops.free(target->self);
    clear(target);
}

/* A private folder: SQLite keeps up to three files side by side. */
static int make_temporary(struct state_target *target,
                          char path[PATH_BYTES_MAX],
                          struct bkt_error *err)
{
    const char *base = getenv("TMPDIR");
    if (!base || base[0] != '/')
        base = "/tmp";
    int len = snprintf(path, PATH_BYTES_MAX, "%s/bucketable-XXXXXX", base);
    if (len < 0 || len > PATH_BYTES_MAX - 16)
        return bkt_error_set(err, BKT_ECONFIG, "make a temporary state: TMPDIR is too long");
    if (!mkdtemp(path)) {
        return bkt_error_set(err, BKT_EIO,
                             "make a temporary state in %s: %s; set TMPDIR, or name a state file",
                             base, strerror(errno));
    }
    target->directory = bkt_mem_strdup(path, (size_t)len);
    if (!target->directory) {
        (void)rmdir(path);
        return bkt_error_set(err, BKT_ENOMEM, "make a temporary state: out of memory");
    }
    (void)snprintf(path + len, (size_t)(PATH_BYTES_MAX - len), "/state");
    return BKT_OK;
}

int bkt_state_target_new(const struct bkt_target_ops *ops,
                         void *self,
                         const char *state_path,
                         struct bkt_table_target *out_target,
                         struct bkt_error *err)
{
    return bkt_state_target_new_over(ops, self, NULL, state_path, out_target, err);
}

int bkt_state_target_new_over(const struct bkt_target_ops *ops,
                              void *self,
                              bkt_state_recover_fn *recover,
                              const char *state_path,
                              struct bkt_table_target *out_target,
                              struct bkt_error *err)
{
    struct state_target *target = bkt_mem_calloc(1, sizeof(*target));
    if (!target)
        return bkt_error_set(err, BKT_ENOMEM, "open the target: out of memory");
    memcpy(&target->ops, ops, ops->size < sizeof(target->ops) ? ops->size : sizeof(target->ops));
    target->self = self;
    target->recover = recover;
    target->outside = (struct bkt_sqlite_outside){
        .self = target,
        .name = target->ops.name,
        .is_temporary = state_path == NULL,
        .batch_changes = target->ops.batch_rows,
        .attach = attach_rows,
        .recover = recover_rows,
        .write = write_row,
        .confirm = confirm_rows,
        .abandon = abandon_rows,
        .free = free_rows,
    };
    char path[PATH_BYTES_MAX];
    int rc = BKT_OK;
    if (!state_path) {
        rc = make_temporary(target, path, err);
        state_path = path;
    }
    if (rc == BKT_OK) {
        rc = bkt_sqlite_target_new_outside(state_path, state_table, &target->outside, out_target,
                                           err);
    }
    if (rc)
        clear(target);
    return rc;
}
