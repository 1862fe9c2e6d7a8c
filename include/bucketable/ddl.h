/*
 * bucketable/ddl.h - the statements that make a target's tables, for an administrator to run where
 * the one who syncs may not make any.
 *
 * Blocking: never; nothing is connected, opened or made.
 */
#ifndef BKT_DDL_H
#define BKT_DDL_H

#include <bucketable/config.h>

BKT_BEGIN_DECLS

/*
 * Write the statements for the configuration's target: its schema, table, state and index, and the
 * grants for the user of its URL.  A sync takes the tables as long as they are empty.  BKT_ECONFIG:
 * the configuration is incomplete, or its target makes its tables itself.
 */
BKT_API BKT_MUST_CHECK int bkt_ddl_write(const struct bkt_config *config,
                                         bkt_write_fn *write,
                                         void *ctx,
                                         struct bkt_error *err);

BKT_END_DECLS

#endif
