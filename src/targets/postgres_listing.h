/*
 * What a listing does to the database: its floor, the keys that it proved absent, its record.
 *
 * Staging, sweeping and ending fail with BKT_EBUSY when another process has begun to list
 * meanwhile, or the server is another one.
 */
#ifndef TARGETS_POSTGRES_LISTING_H
#define TARGETS_POSTGRES_LISTING_H

#include "targets/postgres_writer.h"

/* begin_listing(), stage(), sweep(), end_listing() and count_failed() of table_target.h. */
BKT_MUST_CHECK int bkt_postgres_listing_begin(struct bkt_postgres_writer *writer,
                                              struct bkt_clock *out_clock,
                                              struct bkt_error *err);
BKT_MUST_CHECK int bkt_postgres_listing_stage(struct bkt_postgres_writer *writer,
                                              const struct bkt_absence *absences,
                                              size_t count,
                                              struct bkt_error *err);
BKT_MUST_CHECK int bkt_postgres_listing_sweep(struct bkt_postgres_writer *writer,
                                              struct bkt_sweep *sweep,
                                              struct bkt_clock *out_clock,
                                              struct bkt_error *err);
BKT_MUST_CHECK int bkt_postgres_listing_end(struct bkt_postgres_writer *writer,
                                            const struct bkt_listing_record *record,
                                            struct bkt_error *err);
BKT_MUST_CHECK int bkt_postgres_count_failed(struct bkt_postgres_writer *writer,
                                             uint64_t *out_count,
                                             struct bkt_error *err);

#endif
