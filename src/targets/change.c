#include "targets/change.h"

const char *const bkt_column_names[BKT_COLUMN_COUNT] = {
    "etag", "size", "last_modified", "version_id", "storage_class", "content_type", "metadata",
};

bool bkt_change_is_refused(const struct bkt_change *change,
                           uint64_t floor,
                           uint64_t revision,
                           unsigned flags,
                           struct bkt_str etag)
{
    if (revision > change->read_at || floor > change->read_at)
        return true;
    return change->op == BKT_CHANGE_TOUCH &&
           !((flags & BKT_STATE_ROW) && bkt_str_eq(etag, change->object.etag));
}

unsigned bkt_change_flags(const struct bkt_change *change, unsigned flags)
{
    const unsigned of_row = BKT_STATE_ROW | BKT_STATE_REPLACED | BKT_STATE_CLASS;
    switch (change->op) {
    case BKT_CHANGE_UPSERT:
        return BKT_STATE_ROW | (change->replaced ? BKT_STATE_REPLACED : 0u) | change->class_mark;
    case BKT_CHANGE_TOUCH:
        return flags & of_row;
    case BKT_CHANGE_FAIL:
        return (flags & of_row) | BKT_STATE_FAILED |
               (change->failed_by_content ? BKT_STATE_FAILED_CONTENT : 0u);
    case BKT_CHANGE_DELETE:
        break;
    }
    return 0;
}

struct bkt_str bkt_change_error(const struct bkt_change *change)
{
    struct bkt_str reason = change->reason;
    if (reason.len > BKT_CHANGE_ERROR_BYTES_MAX)
        reason.len = BKT_CHANGE_ERROR_BYTES_MAX;
    return reason;
}

static struct bkt_str text_or(struct bkt_str text, struct bkt_str otherwise)
{
    return text.len > 0 ? text : otherwise;
}

struct bkt_str bkt_change_column(const struct bkt_change *change, enum bkt_column column)
{
    struct bkt_str none = {0};
    bool is_touch = change->op == BKT_CHANGE_TOUCH;
    switch (column) {
    case BKT_COLUMN_ETAG:
        return change->object.etag;
    case BKT_COLUMN_VERSION_ID:
        return change->extra.version_id;
    case BKT_COLUMN_STORAGE_CLASS:
        return text_or(change->object.storage_class, is_touch ? none : BKT_STR("STANDARD"));
    case BKT_COLUMN_CONTENT_TYPE:
        return change->extra.content_type;
    case BKT_COLUMN_METADATA:
        return text_or(change->extra.metadata, is_touch ? none : BKT_STR("{}"));
    case BKT_COLUMN_SIZE:
    case BKT_COLUMN_LAST_MODIFIED:
        break;
    }
    return none;
}
