#include "targets/postgres_listing.h"

#include "targets/libpq_load.h"
#include "targets/postgres_apply.h"
#include "targets/postgres_error.h"
#include "targets/postgres_run.h"
#include "targets/sweep.h"

static const struct bkt_postgres_statement nothing;

/* A transaction whose only change is one statement, or two. */
struct simple {
    enum bkt_postgres_hold hold;
    bool is_listing; /* of the newest listing begun here, which must be the table's, too */
    struct bkt_postgres_statement first;
    struct bkt_postgres_statement second;
    struct bkt_clock clock;
};

static int simple_once(struct bkt_postgres_writer *writer, void *ctx, struct bkt_error *err)
{
    struct simple *simple = ctx;
    int rc =
        bkt_postgres_writer_begin(writer, simple->hold, false, nothing, NULL, &simple->clock, err);
    if (rc == BKT_OK && simple->is_listing)
        rc = bkt_postgres_writer_check_floor(writer, simple->clock.floor, err);
    return rc ? rc : bkt_postgres_writer_commit(writer, simple->first, simple->second, err);
}

int bkt_postgres_listing_begin(struct bkt_postgres_writer *writer,
                               struct bkt_clock *out_clock,
                               struct bkt_error *err)
{
    struct bkt_postgres_params params = bkt_postgres_table_param(&writer->conn);
    struct simple simple = {
        .hold = BKT_POSTGRES_FLOOR,
        .first = {"DELETE FROM @A", NULL},
        /* The first term is the index's own, without which it would not be used. */
        .second = {"DELETE FROM @S WHERE (flags & 5) <> 1 AND flags = 0 AND revision <="
                   " (SELECT floor FROM @R WHERE table_name = $1::text)",
                   &params},
    };
    int rc = bkt_postgres_writer_do(writer, simple_once, &simple, err);
    if (rc)
        return rc;
    bkt_postgres_writer_saw(writer, simple.clock.clock);
    writer->floor = simple.clock.floor;
    *out_clock = simple.clock;
    return BKT_OK;
}

static int stage_params(const struct bkt_absence *absences,
                        size_t count,
                        struct bkt_postgres_array *keys,
                        struct bkt_postgres_array *read_ats,
                        struct bkt_postgres_params *params)
{
    int rc = BKT_OK;
    for (size_t i = 0; i < count && rc == BKT_OK; i++) {
        rc = bkt_postgres_array_add(keys, absences[i].key);
        if (rc == BKT_OK)
            rc = bkt_postgres_array_add_int(read_ats, (int64_t)absences[i].read_at);
    }
    if (rc == BKT_OK)
        rc = bkt_postgres_param_array(params, keys);
    return rc ? rc : bkt_postgres_param_array(params, read_ats);
}

int bkt_postgres_listing_stage(struct bkt_postgres_writer *writer,
                               const struct bkt_absence *absences,
                               size_t count,
                               struct bkt_error *err)
{
    /* Grouped, since a statement may not meet its own row and a key may be given twice. */
    static const char sql[] =
        "INSERT INTO @A AS a (filename, read_at) SELECT i.filename, max(i.read_at) FROM"
        " (SELECT unnest($1::bytea[]) AS filename, unnest($2::int8[]) AS read_at) AS i"
        " GROUP BY i.filename ORDER BY i.filename"
        " ON CONFLICT (filename) DO UPDATE SET read_at = greatest(a.read_at, excluded.read_at)";
    struct bkt_postgres_array keys;
    struct bkt_postgres_array read_ats;
    struct bkt_postgres_params params = {0};
    struct simple simple = {.hold = BKT_POSTGRES_HOLD, .is_listing = true, .first = {sql, &params}};
    bkt_postgres_array_init(&keys, BKT_POSTGRES_BYTEA);
    bkt_postgres_array_init(&read_ats, BKT_POSTGRES_INT8);
    int rc = stage_params(absences, count, &keys, &read_ats, &params);
    if (rc) {
        rc = bkt_postgres_fail_as(writer, rc, err);
    } else {
        rc = bkt_postgres_writer_do(writer, simple_once, &simple, err);
    }
    bkt_postgres_array_clear(&keys);
    bkt_postgres_array_clear(&read_ats);
    return rc;
}

int bkt_postgres_listing_end(struct bkt_postgres_writer *writer,
                             const struct bkt_listing_record *record,
                             struct bkt_error *err)
{
    static const char sql[] = "UPDATE @R SET listing_ended_at = to_timestamp($2::int8 / 1000.0),"
                              " listing_listed = $3::int8, listing_matched = $4::int8, "
                              "listing_failed = $5::int8 WHERE table_name = $1::text";
    struct bkt_postgres_params params = bkt_postgres_table_param(&writer->conn);
    bkt_postgres_param_int(&params, record->ended_wall_ms);
    bkt_postgres_param_int(&params, (int64_t)record->listed);
    bkt_postgres_param_int(&params, (int64_t)record->matched);
    bkt_postgres_param_int(&params, (int64_t)record->failed);
    struct simple simple = {.hold = BKT_POSTGRES_HOLD, .is_listing = true, .first = {sql, &params}};
    return bkt_postgres_writer_do(writer, simple_once, &simple, err);
}

/* The first column of the answer is the table's floor, of the same moment as the rest. */
static int check_floor(const struct bkt_postgres_writer *writer,
                       const PGresult *result,
                       struct bkt_error *err)
{
    if (PQntuples(result) == 0)
        return bkt_postgres_fail(&writer->conn, BKT_EFOREIGN, "sweep", err,
                                 "its record is gone: drop the table to have it built again");
    return bkt_postgres_writer_check_floor(writer, (uint64_t)bkt_postgres_int(result, 0, 0), err);
}

static int count_staged(void *self, uint64_t *out_count, struct bkt_error *err)
{
    struct bkt_postgres_writer *writer = self;
    struct bkt_postgres_params params = bkt_postgres_table_param(&writer->conn);
    PGresult *result = NULL;
    int rc = bkt_postgres_exec(&writer->conn, "sweep",
                               "SELECT r.floor, (SELECT count(*) FROM @A a JOIN @S s USING"
                               " (filename) WHERE (s.flags & 1) = 1 AND s.revision <= a.read_at"
                               " AND a.read_at >= r.floor) FROM @R r WHERE r.table_name = $1::text",
                               &params, &result, err);
    if (rc == BKT_OK)
        rc = check_floor(writer, result, err);
    if (rc == BKT_OK)
        *out_count = (uint64_t)bkt_postgres_int(result, 0, 1);
    PQclear(result);
    return rc;
}

static int next_staged(void *self,
                       struct bkt_str after,
                       size_t limit,
                       bkt_staged_fn *fn,
                       void *ctx,
                       struct bkt_error *err)
{
    struct bkt_postgres_writer *writer = self;
    struct bkt_postgres_params params = bkt_postgres_table_param(&writer->conn);
    PGresult *result = NULL;
    bkt_postgres_param(&params, BKT_POSTGRES_BYTEA, after);
    bkt_postgres_param_int(&params, (int64_t)limit);
    int rc = bkt_postgres_exec(&writer->conn, "sweep",
                               "SELECT r.floor, n.filename, n.read_at FROM @R r LEFT JOIN (SELECT"
                               " a.filename, a.read_at FROM @A a JOIN @S s USING (filename)"
                               " WHERE a.filename > $2::bytea AND s.flags <> 0"
                               " ORDER BY a.filename LIMIT $3::int8) n ON true"
                               " WHERE r.table_name = $1::text ORDER BY n.filename",
                               &params, &result, err);
    if (rc == BKT_OK)
        rc = check_floor(writer, result, err);
    for (int i = 0; rc == BKT_OK && i < PQntuples(result) && !PQgetisnull(result, i, 1); i++) {
        struct bkt_absence absence = {bkt_postgres_str(result, i, 1),
                                      (uint64_t)bkt_postgres_int(result, i, 2)};
        rc = fn(ctx, &absence, err);
    }
    PQclear(result);
    return rc;
}

static int apply_swept(void *self,
                       struct bkt_change *changes,
                       size_t count,
                       struct bkt_clock *out_clock,
                       struct bkt_error *err)
{
    return bkt_postgres_apply(self, changes, count, false, out_clock, err);
}

int bkt_postgres_listing_sweep(struct bkt_postgres_writer *writer,
                               struct bkt_sweep *sweep,
                               struct bkt_clock *out_clock,
                               struct bkt_error *err)
{
    static const struct bkt_sweep_ops ops = {
        .count = count_staged,
        .next = next_staged,
        .apply = apply_swept,
    };
    return bkt_sweep_run(&ops, writer, writer->conn.table, sweep, out_clock, err);
}

int bkt_postgres_count_failed(struct bkt_postgres_writer *writer,
                              uint64_t *out_count,
                              struct bkt_error *err)
{
    struct bkt_postgres_params params = bkt_postgres_table_param(&writer->conn);
    PGresult *result = NULL;
    int rc = bkt_postgres_exec(&writer->conn, "read",
                               "SELECT coalesce(max(failed_count), 0) FROM @R"
                               " WHERE table_name = $1::text",
                               &params, &result, err);
    if (rc == BKT_OK)
        *out_count = (uint64_t)bkt_postgres_int(result, 0, 0);
    PQclear(result);
    return rc;
}
