#include "targets/sweep.h"

#include "core/arena.h"
#include "core/mem.h"
#include "core/time.h"

/* Rows that one transaction removes. */
enum { SWEEP_ROWS = 5000 };

/* The keys of one transaction, and the arena that they live in. */
struct chunk {
    struct bkt_change *changes;
    size_t count;
    struct bkt_arena arena;
};

struct walk {
    const struct bkt_sweep_ops *ops;
    void *self;
    const char *table;
    struct bkt_clock clock;
};

static int out_of_memory(const struct walk *walk, struct bkt_error *err)
{
    return bkt_error_set(err, BKT_ENOMEM, "sweep table %s: out of memory", walk->table);
}

static int chunk_add(void *ctx, const struct bkt_absence *absence, struct bkt_error *err)
{
    struct chunk *chunk = ctx;
    struct bkt_str key;
    int rc = bkt_arena_dup(&chunk->arena, absence->key, &key);
    if (rc)
        return bkt_error_set(err, rc, "note a staged key: %s", bkt_error_text(rc));
    chunk->changes[chunk->count++] = (struct bkt_change){
        .op = BKT_CHANGE_DELETE,
        .object = {.key = key, .last_modified_ms = BKT_TIME_NONE},
        .read_at = absence->read_at,
    };
    return BKT_OK;
}

/*
 * What the table will not let go, a trigger forbids it say, is a failure of that key like any
 * other: recorded, counted, tried again when the next listing lacks it.
 */
static int fail_rejected(struct walk *walk, struct chunk *chunk, struct bkt_error *err)
{
    size_t count = 0;
    for (size_t i = 0; i < chunk->count; i++) {
        if (chunk->changes[i].outcome != BKT_OUTCOME_REJECTED)
            continue;
        struct bkt_change *change = &chunk->changes[count++];
        *change = chunk->changes[i];
        struct bkt_str reason = bkt_str_from(chunk->changes[i].reject_reason);
        if (bkt_arena_dup(&chunk->arena, reason, &change->reason) != BKT_OK)
            return out_of_memory(walk, err);
        change->op = BKT_CHANGE_FAIL;
    }
    return count == 0 ? BKT_OK
                      : walk->ops->apply(walk->self, chunk->changes, count, &walk->clock, err);
}

static void tell(const struct chunk *chunk, const struct bkt_sweep *sweep)
{
    for (size_t i = 0; i < chunk->count; i++) {
        const struct bkt_change *change = &chunk->changes[i];
        if (change->outcome == BKT_OUTCOME_REFUSED && sweep->refused) {
            sweep->refused(sweep->ctx, change->object.key);
        } else if (change->outcome == BKT_OUTCOME_APPLIED && change->had_row && sweep->deleted) {
            sweep->deleted(sweep->ctx, change->object.key);
        }
    }
}

static int run_chunks(struct walk *walk, const struct bkt_sweep *sweep, struct bkt_error *err)
{
    /* Two arenas, by turns: the next chunk is read after the last key of the one before. */
    struct chunk chunk = {0};
    struct chunk before = {0};
    struct bkt_str after = {0};
    int rc = BKT_OK;
    struct bkt_change *changes = bkt_mem_alloc(SWEEP_ROWS * sizeof(*changes));
    if (!changes)
        return out_of_memory(walk, err);
    do {
        bkt_arena_reset(&before.arena);
        struct bkt_arena arena = before.arena;
        before.arena = chunk.arena;
        chunk = (struct chunk){.changes = changes, .arena = arena};
        rc = walk->ops->next(walk->self, after, SWEEP_ROWS, chunk_add, &chunk, err);
        if (rc == BKT_OK)
            rc = walk->ops->apply(walk->self, changes, chunk.count, &walk->clock, err);
        if (rc)
            break;
        tell(&chunk, sweep);
        if (chunk.count > 0)
            after = changes[chunk.count - 1].object.key;
        rc = fail_rejected(walk, &chunk, err);
    } while (rc == BKT_OK && chunk.count == SWEEP_ROWS);
    bkt_arena_clear(&chunk.arena);
    bkt_arena_clear(&before.arena);
    bkt_mem_free(changes);
    return rc;
}

/*
 * The number can be checked before the first row goes, since it cannot grow: whatever others commit
 * meanwhile takes a newer revision, which the read clock refuses to delete.
 */
int bkt_sweep_run(const struct bkt_sweep_ops *ops,
                  void *self,
                  const char *table,
                  struct bkt_sweep *sweep,
                  struct bkt_clock *out_clock,
                  struct bkt_error *err)
{
    struct walk walk = {.ops = ops, .self = self, .table = table};
    sweep->row_count = 0;
    int rc = ops->count(self, &sweep->row_count, err);
    if (rc)
        return rc;
    if (sweep->is_limited && sweep->row_count > sweep->limit) {
        return bkt_error_set(err, BKT_EGUARD,
                             "table %s: %llu rows are to be removed, more than the %llu that "
                             "max_deletes allows: none was; if that is right, raise it once",
                             table, (unsigned long long)sweep->row_count,
                             (unsigned long long)sweep->limit);
    }
    rc = run_chunks(&walk, sweep, err);
    if (rc == BKT_OK)
        *out_clock = walk.clock;
    return rc;
}
