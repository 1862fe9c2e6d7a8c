#include "api/look.h"

#include "api/target_look.h"

enum { SMALL_TABLE_ROWS = 20 };

int bkt_look_open(struct bkt_look *look, const struct bkt_config *config, struct bkt_error *err)
{
    look->settings = bkt_config_settings(config);
    return bkt_asker_open(&look->asker, config, err);
}

void bkt_look_close(struct bkt_look *look)
{
    bkt_look_end(look);
    bkt_asker_close(&look->asker);
}

static struct bkt_decode_policy policy_of(const struct bkt_look *look)
{
    return (struct bkt_decode_policy){
        .binary = look->settings->binary,
        .text_errors = (enum bkt_text_errors)look->settings->text_errors,
    };
}

static bool decode_is_current(const void *ctx, const struct bkt_state_row *row)
{
    return bkt_decode_is_current(row->decode, row->flags & BKT_STATE_REPLACED,
                                 row->flags & BKT_STATE_FAILED_CONTENT, policy_of(ctx));
}

int bkt_look_begin(struct bkt_look *look, struct bkt_error *err)
{
    bkt_look_end(look);
    int rc = bkt_target_look(look->settings, &look->target, err);
    if (rc == BKT_OK)
        rc = bkt_target_peek(look->settings, &look->target, &look->attached, err);
    look->rules = (struct bkt_merge_rules){
        .filter = look->asker.bucket.filter,
        .columns = look->settings->columns,
        .rows_lack_columns = look->attached.columns_changed,
        .decode_is_current = decode_is_current,
        .ctx = look,
    };
    return rc;
}

void bkt_look_end(struct bkt_look *look)
{
    if (look->target.ops)
        look->target.ops->free(look->target.self);
    look->target = (struct bkt_table_target){0};
}

enum bkt_look_op bkt_look_op(enum bkt_difference difference, const struct bkt_state_row *row)
{
    bool has_row = row && (row->flags & BKT_STATE_ROW);
    switch (difference) {
    case BKT_DIFFERENCE_NONE:
        return BKT_LOOK_NOTHING;
    case BKT_DIFFERENCE_FAILED:
        return BKT_LOOK_FAILED;
    case BKT_DIFFERENCE_READ:
        return has_row ? BKT_LOOK_UPDATE : BKT_LOOK_ADD;
    case BKT_DIFFERENCE_ABSENT:
    case BKT_DIFFERENCE_UNCERTAIN:
        return has_row ? BKT_LOOK_DELETE : BKT_LOOK_NOTHING;
    }
    return BKT_LOOK_NOTHING;
}

uint64_t bkt_look_deletes_max(const struct bkt_look *look)
{
    const struct bkt_deletes *deletes = &look->settings->max_deletes;
    uint64_t rows = look->attached.row_count;
    if (!deletes->is_percent)
        return deletes->number;
    return rows < SMALL_TABLE_ROWS ? UINT64_MAX : rows * deletes->number / 100;
}
