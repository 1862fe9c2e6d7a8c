#include "targets/postgres_state.h"

#include "core/time.h"
#include "targets/change.h"
#include "targets/libpq_load.h"
#include "targets/postgres_run.h"

const char bkt_postgres_state_get_sql[] =
    "SELECT " BKT_POSTGRES_STATE_COLUMNS " FROM @S WHERE filename = ANY ($1::bytea[])"
    " ORDER BY filename";

#define ADD_SQL                                                                                 \
    "INSERT INTO @S (filename, revision, flags, etag, size, last_modified, version_id, decode," \
    " failed_etag, error) SELECT unnest($1::bytea[]), $2::int8, unnest($3::int4[]),"            \
    " unnest($4::text[]), unnest($5::int8[]), unnest($6::int8[]), unnest($7::text[]),"          \
    " unnest($8::int8[]), unnest($9::text[]), unnest($10::text[])"

const char bkt_postgres_state_add_sql[] = ADD_SQL;

const char bkt_postgres_state_put_sql[] = ADD_SQL
    " ON CONFLICT (filename) DO UPDATE SET revision = excluded.revision, flags = excluded.flags,"
    " etag = excluded.etag, size = excluded.size, last_modified = excluded.last_modified,"
    " version_id = excluded.version_id, decode = excluded.decode,"
    " failed_etag = excluded.failed_etag, error = excluded.error";

/* Those that a new row's state has. */
const char bkt_postgres_state_copy_sql[] =
    "COPY @S (filename, revision, flags, etag, size, last_modified, version_id, decode)"
    " FROM STDIN WITH BINARY";
enum { STATE_COLUMN_COUNT = 8 };

struct bkt_postgres_state bkt_postgres_state_row(const PGresult *result, int row)
{
    return (struct bkt_postgres_state){
        .row =
            {
                .key = bkt_postgres_str(result, row, 0),
                .revision = (uint64_t)bkt_postgres_int(result, row, 1),
                .flags = (unsigned)bkt_postgres_int(result, row, 2),
                .etag = bkt_postgres_str(result, row, 3),
                .size = (uint64_t)bkt_postgres_int(result, row, 4),
                .last_modified_ms =
                    PQgetisnull(result, row, 5) ? BKT_TIME_NONE : bkt_postgres_int(result, row, 5),
                .decode = (uint32_t)bkt_postgres_int(result, row, 7),
                .failed_etag = bkt_postgres_str(result, row, 8),
            },
        .version_id = bkt_postgres_str(result, row, 6),
    };
}

void bkt_postgres_states_init(struct bkt_postgres_states *states)
{
    states->count = 0;
    states->new_count = 0;
    bkt_postgres_array_init(&states->keys, BKT_POSTGRES_BYTEA);
    bkt_postgres_array_init(&states->flags, BKT_POSTGRES_INT4);
    bkt_postgres_array_init(&states->etags, BKT_POSTGRES_TEXT);
    bkt_postgres_array_init(&states->sizes, BKT_POSTGRES_INT8);
    bkt_postgres_array_init(&states->times, BKT_POSTGRES_INT8);
    bkt_postgres_array_init(&states->versions, BKT_POSTGRES_TEXT);
    bkt_postgres_array_init(&states->decodes, BKT_POSTGRES_INT8);
    bkt_postgres_array_init(&states->failed_etags, BKT_POSTGRES_TEXT);
    bkt_postgres_array_init(&states->errors, BKT_POSTGRES_TEXT);
}

void bkt_postgres_states_clear(struct bkt_postgres_states *states)
{
    bkt_postgres_array_clear(&states->keys);
    bkt_postgres_array_clear(&states->flags);
    bkt_postgres_array_clear(&states->etags);
    bkt_postgres_array_clear(&states->sizes);
    bkt_postgres_array_clear(&states->times);
    bkt_postgres_array_clear(&states->versions);
    bkt_postgres_array_clear(&states->decodes);
    bkt_postgres_array_clear(&states->failed_etags);
    bkt_postgres_array_clear(&states->errors);
    states->count = 0;
    states->new_count = 0;
}

/* What the state says of the content in the row, and of the try that failed. */
struct told {
    struct bkt_str etag;
    uint64_t size;
    int64_t last_modified_ms;
    struct bkt_str version_id;
    uint32_t decode;
    struct bkt_str failed_etag;
    bool has_error;
};

static struct told told_of_object(const struct bkt_change *change)
{
    return (struct told){
        .etag = change->object.etag,
        .size = change->object.size,
        .last_modified_ms = change->object.last_modified_ms,
        .version_id = change->extra.version_id,
        .decode = change->decode,
    };
}

static struct told told_before(const struct bkt_postgres_state *before)
{
    return (struct told){
        .etag = before->row.etag,
        .size = before->row.size,
        .last_modified_ms = before->row.last_modified_ms,
        .version_id = before->version_id,
        .decode = before->row.decode,
    };
}

static struct told told_after(const struct bkt_change *change,
                              const struct bkt_postgres_state *before)
{
    struct told told = {.last_modified_ms = BKT_TIME_NONE};
    switch (change->op) {
    case BKT_CHANGE_UPSERT:
        return told_of_object(change);
    case BKT_CHANGE_DELETE:
        return told;
    case BKT_CHANGE_TOUCH:
        told = told_before(before);
        if (change->object.last_modified_ms != BKT_TIME_NONE)
            told.last_modified_ms = change->object.last_modified_ms;
        if (change->extra.version_id.len > 0)
            told.version_id = change->extra.version_id;
        return told;
    case BKT_CHANGE_FAIL:
        break;
    }
    if (before->row.key.len > 0) {
        told = told_before(before);
    } else {
        told.size = change->object.size;
        told.last_modified_ms = change->object.last_modified_ms;
    }
    if (change->failed_by_content) {
        told.decode = change->decode;
        told.failed_etag = change->object.etag;
    }
    told.has_error = true;
    return told;
}

static int add_ms(struct bkt_postgres_array *array, int64_t ms)
{
    return ms == BKT_TIME_NONE ? bkt_postgres_array_add_null(array)
                               : bkt_postgres_array_add_int(array, ms);
}

int bkt_postgres_states_add(struct bkt_postgres_states *states,
                            const struct bkt_change *change,
                            const struct bkt_postgres_state *before)
{
    struct told told = told_after(change, before);
    unsigned flags = bkt_change_flags(change, before->row.flags);
    int rc = bkt_postgres_array_add(&states->keys, change->object.key);
    if (rc == BKT_OK)
        rc = bkt_postgres_array_add_int(&states->flags, flags);
    if (rc == BKT_OK)
        rc = bkt_postgres_array_add_text_or_null(&states->etags, told.etag);
    if (rc == BKT_OK)
        rc = bkt_postgres_array_add_int(&states->sizes, (int64_t)told.size);
    if (rc == BKT_OK)
        rc = add_ms(&states->times, told.last_modified_ms);
    if (rc == BKT_OK)
        rc = bkt_postgres_array_add_text_or_null(&states->versions, told.version_id);
    if (rc == BKT_OK)
        rc = bkt_postgres_array_add_int(&states->decodes, told.decode);
    if (rc == BKT_OK)
        rc = bkt_postgres_array_add_text_or_null(&states->failed_etags, told.failed_etag);
    if (rc == BKT_OK) {
        rc = told.has_error ? bkt_postgres_array_add_text(&states->errors, bkt_change_error(change))
                            : bkt_postgres_array_add_null(&states->errors);
    }
    states->count += rc == BKT_OK;
    states->new_count += rc == BKT_OK && before->row.key.len == 0;
    return rc;
}

int bkt_postgres_state_copy_row(struct bkt_postgres_array *rows,
                                const struct bkt_change *change,
                                uint64_t revision)
{
    const struct told told = told_of_object(change);
    char flags[4];
    bkt_postgres_put_int(bkt_change_flags(change, 0), sizeof(flags), flags);
    int rc = bkt_postgres_copy_row(rows, STATE_COLUMN_COUNT);
    if (rc == BKT_OK)
        rc = bkt_postgres_array_add(rows, change->object.key);
    if (rc == BKT_OK)
        rc = bkt_postgres_array_add_int(rows, (int64_t)revision);
    if (rc == BKT_OK)
        rc = bkt_postgres_array_add(rows, (struct bkt_str){flags, sizeof(flags)});
    if (rc == BKT_OK)
        rc = bkt_postgres_array_add_text_or_null(rows, told.etag);
    if (rc == BKT_OK)
        rc = bkt_postgres_array_add_int(rows, (int64_t)told.size);
    if (rc == BKT_OK)
        rc = add_ms(rows, told.last_modified_ms);
    if (rc == BKT_OK)
        rc = bkt_postgres_array_add_text_or_null(rows, told.version_id);
    return rc ? rc : bkt_postgres_array_add_int(rows, told.decode);
}

int bkt_postgres_states_params(struct bkt_postgres_states *states,
                               uint64_t revision,
                               struct bkt_postgres_params *out_params)
{
    struct bkt_postgres_array *const arrays[] = {
        &states->flags,    &states->etags,   &states->sizes,        &states->times,
        &states->versions, &states->decodes, &states->failed_etags, &states->errors,
    };
    out_params->count = 0;
    int rc = bkt_postgres_param_array(out_params, &states->keys);
    if (rc == BKT_OK)
        bkt_postgres_param_int(out_params, (int64_t)revision);
    for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]) && rc == BKT_OK; i++)
        rc = bkt_postgres_param_array(out_params, arrays[i]);
    return rc;
}

#define STATE_SQL "SELECT " BKT_POSTGRES_STATE_COLUMNS " FROM @S WHERE filename > $1::bytea"

int bkt_postgres_state_scan(struct bkt_postgres *conn,
                            const struct bkt_scan *range,
                            bkt_state_fn *fn,
                            void *ctx,
                            size_t *out_count,
                            struct bkt_error *err)
{
    static const char rest_sql[] = STATE_SQL " ORDER BY filename LIMIT $2::int8";
    static const char range_sql[] =
        STATE_SQL " AND filename <= $3::bytea ORDER BY filename LIMIT $2::int8";
    struct bkt_postgres_params params = {0};
    PGresult *result = NULL;
    bkt_postgres_param(&params, BKT_POSTGRES_BYTEA, range->after);
    bkt_postgres_param_int(&params, range->limit > INT64_MAX ? INT64_MAX : (int64_t)range->limit);
    if (range->has_up_to)
        bkt_postgres_param(&params, BKT_POSTGRES_BYTEA, range->up_to);
    int rc = bkt_postgres_exec(conn, "read the state of", range->has_up_to ? range_sql : rest_sql,
                               &params, &result, err);
    if (rc)
        return rc;
    int count = PQntuples(result);
    for (int i = 0; i < count && rc == BKT_OK; i++) {
        struct bkt_postgres_state state = bkt_postgres_state_row(result, i);
        rc = fn(ctx, &state.row, err);
    }
    PQclear(result);
    if (rc == BKT_OK)
        *out_count = (size_t)count;
    return rc;
}
