/* Rows from the inside: what is shared by its files and nobody else. */
#ifndef API_ROWS_INT_H
#define API_ROWS_INT_H

#include "api/asker.h"
#include "api/feed.h"

/* Walk the bucket in key order and put its rows into the feed; ends when all were taken. */
BKT_MUST_CHECK int bkt_rows_walk_ordered(struct bkt_asker *asker,
                                         struct bkt_feed *feed,
                                         struct bkt_error *err);

#endif
