/* A change as a row of bucketable/target.h. */
#ifndef TARGETS_SHOWN_H
#define TARGETS_SHOWN_H

#include "core/time.h"
#include "table/table_target.h"

#include <bucketable/target.h>

/* The row, and the values that are made for it: it points into the struct and into the change. */
struct bkt_shown {
    struct bkt_row row;
    struct bkt_value columns[BKT_COLUMN_COUNT];
    char size[24];
    char last_modified[BKT_TIME_ISO_BYTES];
};

/* `columns` of enum bkt_column; `binary`: every content is bytes. */
void bkt_show(const struct bkt_change *change,
              unsigned columns,
              bool binary,
              struct bkt_shown *shown);

#endif
