#include "table/job.h"

#include "core/mem.h"

#include <stdio.h>

struct bkt_job *bkt_job_new(enum bkt_job_kind kind, size_t capacity)
{
    struct bkt_job *job = bkt_mem_calloc(1, sizeof(*job));
    if (!job)
        return NULL;
    job->kind = kind;
    job->boundaries = BKT_BUF_INIT(BKT_BOUNDARIES_BYTES_MAX);
    bool is_whole = true;
    if (kind == BKT_JOB_APPLY) {
        job->changes = bkt_mem_calloc(capacity, sizeof(*job->changes));
        job->bodies = bkt_mem_calloc(capacity, sizeof(*job->bodies));
        job->checksums = bkt_mem_calloc(capacity, sizeof(*job->checksums));
        job->is_raw = bkt_mem_calloc(capacity, sizeof(*job->is_raw));
        job->is_torn = bkt_mem_calloc(capacity, sizeof(*job->is_torn));
        job->items = bkt_mem_calloc(capacity, sizeof(struct bkt_work_item *));
        is_whole = job->changes && job->bodies && job->checksums && job->is_raw && job->is_torn &&
                   job->items;
    } else if (kind == BKT_JOB_STAGE) {
        job->absences = bkt_mem_calloc(capacity, sizeof(*job->absences));
        is_whole = job->absences != NULL;
    }
    if (is_whole)
        return job;
    bkt_job_free(job);
    return NULL;
}

void bkt_job_free(struct bkt_job *job)
{
    if (!job)
        return;
    for (size_t i = 0; job->bodies && i < job->count; i++)
        bkt_buf_clear(&job->bodies[i]);
    bkt_mem_free(job->changes);
    bkt_mem_free(job->bodies);
    bkt_mem_free(job->checksums);
    bkt_mem_free(job->is_raw);
    bkt_mem_free(job->is_torn);
    bkt_mem_free(job->items);
    bkt_mem_free(job->absences);
    bkt_arena_clear(&job->arena);
    bkt_buf_clear(&job->keys);
    bkt_buf_clear(&job->boundaries);
    bkt_mem_free(job);
}

/* Length, verdict, bytes. */
struct noted {
    uint32_t len;
    bool is_deleted;
};

void bkt_job_note_key(struct bkt_job *job, struct bkt_str key, bool is_deleted)
{
    struct noted noted = {(uint32_t)key.len, is_deleted};
    job->keys.max = SIZE_MAX / 2;
    if (bkt_buf_reserve(&job->keys, sizeof(noted) + key.len) != BKT_OK ||
        bkt_buf_append(&job->keys, (struct bkt_str){(const char *)&noted, sizeof(noted)}) ||
        bkt_buf_append(&job->keys, key))
        job->keys_lost = true;
}

bool bkt_job_next_key(const struct bkt_job *job,
                      size_t *at,
                      struct bkt_str *out_key,
                      bool *out_is_deleted)
{
    struct noted noted;
    if (*at == job->keys.len)
        return false;
    memcpy(&noted, job->keys.ptr + *at, sizeof(noted));
    *out_key = (struct bkt_str){job->keys.ptr + *at + sizeof(noted), noted.len};
    *out_is_deleted = noted.is_deleted;
    *at += sizeof(noted) + noted.len;
    return true;
}

/* The reason is copied: apply() is free to write into the change's own buffer. */
static int fail_by_content(struct bkt_job *job, struct bkt_change *change, const char *reason)
{
    struct bkt_str kept;
    int rc = bkt_arena_dup(&job->arena, bkt_str_from(reason), &kept);
    if (rc)
        return bkt_error_set(&job->err, rc, "note a failed object: %s", bkt_error_text(rc));
    change->op = BKT_CHANGE_FAIL;
    change->failed_by_content = true;
    change->reason = kept;
    change->content = (struct bkt_str){0};
    return BKT_OK;
}

/* A network, a disk or a proxy changed it on its way: another read may be whole. */
static int fail_as_torn(struct bkt_job *job, size_t i)
{
    char reason[128];
    (void)snprintf(reason, sizeof(reason), "the %zu bytes that were read do not match their %s",
                   job->bodies[i].len, bkt_checksum_name(job->checksums[i].kind));
    job->is_raw[i] = false;
    job->is_torn[i] = true;
    int rc = fail_by_content(job, &job->changes[i], reason);
    job->changes[i].failed_by_content = false;
    return rc;
}

static int decode(struct bkt_job *job, size_t i)
{
    struct bkt_change *change = &job->changes[i];
    struct bkt_decoded decoded;
    if (!bkt_checksum_matches(&job->checksums[i], bkt_buf_str(&job->bodies[i])))
        return fail_as_torn(job, i);
    int rc = bkt_decode(job->policy, &job->bodies[i], &decoded, &job->err);
    if (rc == BKT_ELIMIT)
        return fail_by_content(job, change, job->err.message);
    if (rc)
        return rc;
    job->is_raw[i] = false;
    change->decode = decoded.decode;
    if (decoded.failed)
        return fail_by_content(job, change, decoded.reason);
    change->content = decoded.content;
    change->content_is_bytes = decoded.is_bytes;
    change->replaced = decoded.replaced;
    return BKT_OK;
}

/* What the target cannot hold is recorded as failed, in a transaction of its own. */
static int record_rejected(struct bkt_job *job, const struct bkt_table_target *target)
{
    for (size_t i = 0; i < job->count; i++) {
        struct bkt_change *change = &job->changes[i];
        if (change->outcome != BKT_OUTCOME_REJECTED || change->op == BKT_CHANGE_FAIL)
            continue;
        int rc = fail_by_content(job, change, change->reject_reason);
        if (rc == BKT_OK)
            rc = target->ops->apply(target->self, change, 1, job->durable, &job->clock, &job->err);
        if (rc)
            return rc;
    }
    return BKT_OK;
}

static int apply(struct bkt_job *job, const struct bkt_table_target *target)
{
    int rc = BKT_OK;
    for (size_t i = 0; i < job->count && rc == BKT_OK; i++) {
        if (job->is_raw[i])
            rc = decode(job, i);
    }
    if (rc == BKT_OK)
        rc = target->ops->apply(target->self, job->changes, job->count, job->durable, &job->clock,
                                &job->err);
    if (rc == BKT_OK)
        rc = record_rejected(job, target);
    return rc;
}

void bkt_job_run(struct bkt_job *job, const struct bkt_table_target *target)
{
    const struct bkt_table_target_ops *ops = target->ops;
    switch (job->kind) {
    case BKT_JOB_HOLD_LISTING:
        job->rc = ops->hold_listing(target->self, &job->err);
        break;
    case BKT_JOB_BEGIN_LISTING:
        job->rc = ops->begin_listing(target->self, &job->clock, &job->err);
        break;
    case BKT_JOB_APPLY:
        job->rc = apply(job, target);
        break;
    case BKT_JOB_STAGE:
        job->rc = ops->stage(target->self, job->absences, job->count, &job->err);
        break;
    case BKT_JOB_SWEEP:
        job->rc = ops->sweep(target->self, &job->sweep, &job->clock, &job->err);
        if (job->rc == BKT_OK && job->keys_lost)
            job->rc = bkt_error_set(&job->err, BKT_ENOMEM, "remove rows: out of memory");
        break;
    case BKT_JOB_END_LISTING:
        job->rc = ops->count_failed(target->self, &job->record.failed, &job->err);
        if (job->rc == BKT_OK)
            job->rc = ops->end_listing(target->self, &job->record, &job->err);
        /* Without them the next listing is slower, and no worse. */
        if (job->rc == BKT_OK && ops->save_boundaries)
            (void)!ops->save_boundaries(target->self, bkt_buf_str(&job->boundaries), NULL);
        break;
    }
}
