/*
 * The thread that owns the target's writing side: jobs go in, done jobs come out, in the same
 * order.
 *
 * Everything but the job itself is called from the loop's thread.
 */
#ifndef API_WRITER_H
#define API_WRITER_H

#include "aws/http.h"
#include "table/job.h"

#include <bucketable/stats.h>

struct bkt_writer;

/* `target` is borrowed; `http` is woken when a job is done. */
BKT_MUST_CHECK int bkt_writer_new(const struct bkt_table_target *target,
                                  struct bkt_http *http,
                                  struct bkt_writer **out_writer,
                                  struct bkt_error *err);

/* Waits for the job that runs; jobs that were not fetched are freed. */
void bkt_writer_free(struct bkt_writer *writer);

/* Run it after those given before.  The job is the writer's until it is fetched. */
void bkt_writer_give(struct bkt_writer *writer, struct bkt_job *job);

/*
 * After a job that failed none runs before this is called: whoever gives up then waits for no
 * other. One that was not fetched yet stays in the way.
 */
void bkt_writer_go_on(struct bkt_writer *writer);

/* How long the transactions of changes took that did not fail. */
struct bkt_stats_commits bkt_writer_commits(struct bkt_writer *writer);

/* A job that is done, or NULL. */
struct bkt_job *bkt_writer_fetch(struct bkt_writer *writer);

#endif
