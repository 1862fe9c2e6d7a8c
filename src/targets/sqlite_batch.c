#include "targets/sqlite_batch.h"

#include "core/mem.h"
#include "core/time.h"
#include "targets/change.h"

/* In the order of table_sql; those of enum bkt_column come last, in theirs. */
enum {
    COLUMN_FILENAME,
    COLUMN_KEY,
    COLUMN_CONTENT,
    COLUMN_REVISION,
    COLUMN_FLAGS,
    COLUMN_MODIFIED_MS,
    COLUMN_DECODE,
    COLUMN_METADATA,
};

static const char table_sql[] =
    "CREATE TABLE bucketable_batch (filename, key, content, revision, flags, modified_ms, decode,"
    " etag, size, last_modified, version_id, storage_class, content_type, metadata)";

struct table {
    sqlite3_vtab base;
    const struct bkt_sqlite_batch *batch;
};

struct cursor {
    sqlite3_vtab_cursor base;
    const struct bkt_sqlite_batch *batch;
    size_t place;
};

static int table_connect(sqlite3 *db,
                         void *aux,
                         int argc,
                         const char *const *argv,
                         sqlite3_vtab **out,
                         char **out_message)
{
    (void)argc;
    (void)argv;
    (void)out_message;
    int rc = sqlite3_declare_vtab(db, table_sql);
    /* No trigger or view of the user's has any business here. */
    if (rc == SQLITE_OK)
        rc = sqlite3_vtab_config(db, SQLITE_VTAB_DIRECTONLY);
    struct table *table = rc ? NULL : sqlite3_malloc(sizeof(*table));
    if (!table)
        return rc ? rc : SQLITE_NOMEM;
    *table = (struct table){.batch = aux};
    *out = &table->base;
    return SQLITE_OK;
}

static int table_disconnect(sqlite3_vtab *base)
{
    sqlite3_free(base);
    return SQLITE_OK;
}

/* There is one way to read it: from its first row to its last. */
static int table_plan(sqlite3_vtab *base, sqlite3_index_info *plan)
{
    (void)base;
    plan->estimatedCost = 1;
    return SQLITE_OK;
}

static int cursor_open(sqlite3_vtab *base, sqlite3_vtab_cursor **out)
{
    struct cursor *cursor = sqlite3_malloc(sizeof(*cursor));
    if (!cursor)
        return SQLITE_NOMEM;
    *cursor = (struct cursor){.batch = ((struct table *)base)->batch};
    *out = &cursor->base;
    return SQLITE_OK;
}

static int cursor_close(sqlite3_vtab_cursor *base)
{
    sqlite3_free(base);
    return SQLITE_OK;
}

static void skip_unseen(struct cursor *cursor)
{
    const struct bkt_sqlite_batch *batch = cursor->batch;
    while (cursor->place < batch->end && !bkt_sqlite_batch_has(batch, batch->view, cursor->place))
        cursor->place++;
}

static int cursor_begin(
    sqlite3_vtab_cursor *base, int plan, const char *plan_text, int argc, sqlite3_value **argv)
{
    (void)plan;
    (void)plan_text;
    (void)argc;
    (void)argv;
    struct cursor *cursor = (struct cursor *)base;
    cursor->place = cursor->batch->first;
    skip_unseen(cursor);
    return SQLITE_OK;
}

static int cursor_next(sqlite3_vtab_cursor *base)
{
    struct cursor *cursor = (struct cursor *)base;
    cursor->place++;
    skip_unseen(cursor);
    return SQLITE_OK;
}

static int cursor_is_at_end(sqlite3_vtab_cursor *base)
{
    const struct cursor *cursor = (const struct cursor *)base;
    return cursor->place >= cursor->batch->end;
}

static int cursor_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
    *out = (sqlite3_int64)((const struct cursor *)base)->place;
    return SQLITE_OK;
}

static void answer_text(sqlite3_context *answer, struct bkt_str text)
{
    sqlite3_result_text64(answer, text.ptr ? text.ptr : "", text.len, SQLITE_STATIC, SQLITE_UTF8);
}

static void answer_blob(sqlite3_context *answer, struct bkt_str bytes)
{
    sqlite3_result_blob64(answer, bytes.ptr ? bytes.ptr : "", bytes.len, SQLITE_STATIC);
}

static void answer_metadata(sqlite3_context *answer,
                            const struct bkt_change *change,
                            enum bkt_column column)
{
    if (column == BKT_COLUMN_SIZE) {
        sqlite3_result_int64(answer, (sqlite3_int64)change->object.size);
    } else if (column == BKT_COLUMN_LAST_MODIFIED) {
        char iso[BKT_TIME_ISO_BYTES];
        if (change->object.last_modified_ms == BKT_TIME_NONE)
            return;
        bkt_time_format_iso(change->object.last_modified_ms, iso);
        sqlite3_result_text(answer, iso, -1, SQLITE_TRANSIENT);
    } else {
        struct bkt_str text = bkt_change_column(change, column);
        if (text.len > 0)
            answer_text(answer, text);
    }
}

/* What is not answered is NULL. */
static int cursor_column(sqlite3_vtab_cursor *base, sqlite3_context *answer, int column)
{
    const struct cursor *cursor = (const struct cursor *)base;
    const struct bkt_sqlite_batch *batch = cursor->batch;
    const struct bkt_change *change = &batch->changes[cursor->place];
    switch (column) {
    case COLUMN_FILENAME:
        answer_text(answer, change->object.key);
        break;
    case COLUMN_KEY:
        answer_blob(answer, change->object.key);
        break;
    case COLUMN_CONTENT:
        (batch->binary || change->content_is_bytes ? answer_blob : answer_text)(answer,
                                                                                change->content);
        break;
    case COLUMN_REVISION:
        sqlite3_result_int64(answer, (sqlite3_int64)batch->revision);
        break;
    case COLUMN_FLAGS:
        sqlite3_result_int(answer, (int)bkt_change_flags(change, 0));
        break;
    case COLUMN_MODIFIED_MS:
        if (change->object.last_modified_ms != BKT_TIME_NONE)
            sqlite3_result_int64(answer, change->object.last_modified_ms);
        break;
    case COLUMN_DECODE:
        sqlite3_result_int64(answer, change->decode);
        break;
    default:
        answer_metadata(answer, change, (enum bkt_column)(1u << (column - COLUMN_METADATA)));
        break;
    }
    return SQLITE_OK;
}

/* Without xCreate it is there by itself, and nobody can make another. */
static const sqlite3_module module = {
    .xConnect = table_connect,
    .xBestIndex = table_plan,
    .xDisconnect = table_disconnect,
    .xOpen = cursor_open,
    .xClose = cursor_close,
    .xFilter = cursor_begin,
    .xNext = cursor_next,
    .xEof = cursor_is_at_end,
    .xColumn = cursor_column,
    .xRowid = cursor_rowid,
};

int bkt_sqlite_batch_register(struct bkt_sqlite_batch *batch, sqlite3 *db)
{
    return sqlite3_create_module(db, "bucketable_batch", &module, batch);
}

int bkt_sqlite_batch_set(struct bkt_sqlite_batch *batch, struct bkt_change *changes, size_t count)
{
    if (count > batch->capacity) {
        struct bkt_sqlite_found *found =
            bkt_mem_realloc(batch->found, count * sizeof(batch->found[0]));
        if (!found)
            return BKT_ENOMEM;
        batch->found = found;
        batch->capacity = count;
    }
    for (size_t i = 0; i < count; i++)
        batch->found[i] = (struct bkt_sqlite_found){0};
    batch->changes = changes;
    batch->count = count;
    return BKT_OK;
}

bool bkt_sqlite_batch_has(const struct bkt_sqlite_batch *batch,
                          enum bkt_sqlite_view view,
                          size_t place)
{
    const struct bkt_change *change = &batch->changes[place];
    if (view == BKT_SQLITE_VIEW_ALL)
        return change->outcome != BKT_OUTCOME_REJECTED;
    if (change->outcome != BKT_OUTCOME_APPLIED || change->op != BKT_CHANGE_UPSERT)
        return false;
    return view == BKT_SQLITE_VIEW_NEW_ROWS ? !change->had_row : !batch->found[place].has_state;
}

void bkt_sqlite_batch_show(struct bkt_sqlite_batch *batch,
                           enum bkt_sqlite_view view,
                           size_t first,
                           size_t end)
{
    batch->view = view;
    batch->first = first;
    batch->end = end;
}

void bkt_sqlite_batch_clear(struct bkt_sqlite_batch *batch)
{
    bkt_mem_free(batch->found);
    *batch = (struct bkt_sqlite_batch){0};
}
