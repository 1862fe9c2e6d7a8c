/*
 * How the tables of a schema fare, from their state alone: the database is only read.
 */
#ifndef TARGETS_POSTGRES_STATUS_H
#define TARGETS_POSTGRES_STATUS_H

#include "targets/status.h"

/*
 * Tell of each table in the schema that `table` names (SCHEMA.NAME; else the first of the search
 * path), by name, in one snapshot.  BKT_ETARGET: no server, no such database, none of ours in that
 * schema, or one made by a newer version.
 */
BKT_MUST_CHECK int bkt_postgres_status_read(struct bkt_str url,
                                            struct bkt_str table,
                                            const struct bkt_status_told *told,
                                            struct bkt_error *err);

#endif
