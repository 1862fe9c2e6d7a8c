#include "api/writer.h"

#include "core/cond.h"
#include "core/mem.h"
#include "core/thread.h"
#include "core/time.h"

struct queue {
    struct bkt_job *first, *last;
};

struct bkt_writer {
    const struct bkt_table_target *target;
    struct bkt_http *http;
    struct bkt_thread thread;
    int64_t beat_at_ms;    /* the thread's own; INT64_MAX: never */
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t given;
    struct queue waiting;
    struct queue done;
    struct bkt_stats_commits commits;
    bool has_failed; /* a job, and nobody has said to go on */
    bool is_ending;
};

static void push(struct queue *queue, struct bkt_job *job)
{
    job->next = NULL;
    if (queue->last)
        queue->last->next = job;
    else
        queue->first = job;
    queue->last = job;
}

static struct bkt_job *pop(struct queue *queue)
{
    struct bkt_job *job = queue->first;
    if (!job)
        return NULL;
    queue->first = job->next;
    if (!queue->first)
        queue->last = NULL;
    job->next = NULL;
    return job;
}

static void count_commit(struct bkt_stats_commits *commits, double seconds)
{
    size_t i = 0;
    while (i < BKT_STATS_COMMIT_BOUNDS && seconds > bkt_stats_commit_bound_s(i))
        i++;
    commits->counts[i]++;
    commits->sum_s += seconds;
}

/* The mutex is held, but while the target is at work. */
static void beat(struct bkt_writer *writer)
{
    const struct bkt_table_target *target = writer->target;
    if (!target->ops->beat)
        return;
    (void)pthread_mutex_unlock(&writer->mutex);
    writer->beat_at_ms = target->ops->beat(target->self, bkt_time_monotonic_ms());
    (void)pthread_mutex_lock(&writer->mutex);
}

/* Until something is given, or the next beat is due. */
static void wait_for_job(struct bkt_writer *writer)
{
    int64_t wait_ms = writer->beat_at_ms - bkt_time_monotonic_ms();
    if (writer->beat_at_ms == INT64_MAX) {
        (void)pthread_cond_wait(&writer->given, &writer->mutex);
    } else if (wait_ms > 0) {
        struct timespec until = bkt_cond_deadline(wait_ms);
        (void)pthread_cond_timedwait(&writer->given, &writer->mutex, &until);
    } else {
        beat(writer);
    }
}

static void *run(void *ctx)
{
    struct bkt_writer *writer = ctx;
    (void)pthread_mutex_lock(&writer->mutex);
    beat(writer);
    while (!writer->is_ending) {
        struct bkt_job *job = writer->has_failed ? NULL : pop(&writer->waiting);
        if (!job) {
            wait_for_job(writer);
            continue;
        }
        (void)pthread_mutex_unlock(&writer->mutex);
        int64_t begin_us = bkt_time_monotonic_us();
        bkt_job_run(job, writer->target);
        double seconds = (double)(bkt_time_monotonic_us() - begin_us) / 1e6;
        (void)pthread_mutex_lock(&writer->mutex);
        if (job->kind == BKT_JOB_APPLY && job->rc == BKT_OK)
            count_commit(&writer->commits, seconds);
        writer->has_failed = job->rc != BKT_OK;
        push(&writer->done, job);
        bkt_http_wakeup(writer->http);
        beat(writer);
    }
    (void)pthread_mutex_unlock(&writer->mutex);
    if (writer->target->ops->leave)
        writer->target->ops->leave(writer->target->self);
    return NULL;
}

static void destroy(struct bkt_writer *writer)
{
    (void)pthread_cond_destroy(&writer->given);
    (void)pthread_mutex_destroy(&writer->mutex);
    bkt_mem_free(writer);
}

int bkt_writer_new(const struct bkt_table_target *target,
                   struct bkt_http *http,
                   struct bkt_writer **out_writer,
                   struct bkt_error *err)
{
    struct bkt_writer *writer = bkt_mem_calloc(1, sizeof(*writer));
    if (!writer)
        return bkt_error_set(err, BKT_ENOMEM, "start the writer: out of memory");
    writer->target = target;
    writer->http = http;
    writer->beat_at_ms = INT64_MAX;
    (void)pthread_mutex_init(&writer->mutex, NULL);
    bkt_cond_init(&writer->given);

    int rc = bkt_thread_start(&writer->thread, run, writer, "the writer", err);
    if (rc) {
        destroy(writer);
        return rc;
    }
    *out_writer = writer;
    return BKT_OK;
}

void bkt_writer_free(struct bkt_writer *writer)
{
    if (!writer)
        return;
    (void)pthread_mutex_lock(&writer->mutex);
    writer->is_ending = true;
    (void)pthread_cond_signal(&writer->given);
    (void)pthread_mutex_unlock(&writer->mutex);
    bkt_thread_join(&writer->thread);

    struct bkt_job *job;
    while ((job = pop(&writer->waiting)) != NULL || (job = pop(&writer->done)) != NULL)
        bkt_job_free(job);
    destroy(writer);
}

void bkt_writer_give(struct bkt_writer *writer, struct bkt_job *job)
{
    (void)pthread_mutex_lock(&writer->mutex);
    push(&writer->waiting, job);
    (void)pthread_cond_signal(&writer->given);
    (void)pthread_mutex_unlock(&writer->mutex);
}

void bkt_writer_go_on(struct bkt_writer *writer)
{
    (void)pthread_mutex_lock(&writer->mutex);
    if (writer->has_failed && !writer->done.first) {
        writer->has_failed = false;
        (void)pthread_cond_signal(&writer->given);
    }
    (void)pthread_mutex_unlock(&writer->mutex);
}

struct bkt_stats_commits bkt_writer_commits(struct bkt_writer *writer)
{
    (void)pthread_mutex_lock(&writer->mutex);
    struct bkt_stats_commits commits = writer->commits;
    (void)pthread_mutex_unlock(&writer->mutex);
    return commits;
}

struct bkt_job *bkt_writer_fetch(struct bkt_writer *writer)
{
    (void)pthread_mutex_lock(&writer->mutex);
    struct bkt_job *job = pop(&writer->done);
    (void)pthread_mutex_unlock(&writer->mutex);
    return job;
}
