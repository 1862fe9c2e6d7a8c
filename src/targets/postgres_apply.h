/*
 * apply() of table_target.h: a batch of changes in one transaction, written by few statements;
 * where many of the rows are new, by COPY.
 */
#ifndef TARGETS_POSTGRES_APPLY_H
#define TARGETS_POSTGRES_APPLY_H

#include "targets/postgres_writer.h"

BKT_MUST_CHECK int bkt_postgres_apply(struct bkt_postgres_writer *writer,
                                      struct bkt_change *changes,
                                      size_t count,
                                      bool durable,
                                      struct bkt_clock *out_clock,
                                      struct bkt_error *err);

#endif
