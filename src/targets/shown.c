#include "targets/shown.h"

#include "targets/change.h"

#include <inttypes.h>
#include <stdio.h>

static struct bkt_value show_column(struct bkt_shown *shown,
                                    const struct bkt_change *change,
                                    unsigned column)
{
    struct bkt_value value = {.name = bkt_column_names[column], .text = "", .kind = BKT_VALUE_TEXT};
    enum bkt_column bit = (enum bkt_column)(1u << column);
    struct bkt_str text = bkt_change_column(change, bit);
    if (bit == BKT_COLUMN_SIZE) {
        (void)snprintf(shown->size, sizeof(shown->size), "%" PRIu64, change->object.size);
        text = bkt_str_from(shown->size);
        value.kind = BKT_VALUE_NUMBER;
    } else if (bit == BKT_COLUMN_LAST_MODIFIED &&
               change->object.last_modified_ms != BKT_TIME_NONE) {
        bkt_time_format_iso(change->object.last_modified_ms, shown->last_modified);
        text = bkt_str_from(shown->last_modified);
    } else if (bit == BKT_COLUMN_METADATA) {
        value.kind = BKT_VALUE_JSON;
    }
    if (text.len == 0) {
        value.kind = BKT_VALUE_NULL;
    } else {
        value.text = text.ptr;
        value.len = text.len;
    }
    return value;
}

static const char *not_null(struct bkt_str str)
{
    return str.ptr ? str.ptr : "";
}

void bkt_show(const struct bkt_change *change,
              unsigned columns,
              bool binary,
              struct bkt_shown *shown)
{
    shown->row = (struct bkt_row){
        .op = BKT_ROW_DELETE,
        .key = change->object.key.ptr,
        .key_len = change->object.key.len,
        .revision = change->revision,
    };
    if (change->op == BKT_CHANGE_DELETE)
        return;

    size_t count = 0;
    for (unsigned i = 0; i < BKT_COLUMN_COUNT; i++) {
        if (columns & (1u << i))
            shown->columns[count++] = show_column(shown, change, i);
    }
    struct bkt_row *row = &shown->row;
    row->op = BKT_ROW_UPSERT;
    row->content = not_null(change->content);
    row->content_len = change->content.len;
    row->content_is_bytes = change->content_is_bytes || binary;
    row->columns = shown->columns;
    row->column_count = count;
    row->etag = not_null(change->object.etag);
    row->etag_len = change->object.etag.len;
    row->version_id = not_null(change->extra.version_id);
    row->version_id_len = change->extra.version_id.len;
    row->size = change->object.size;
}
