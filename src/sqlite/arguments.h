/*
 * The arguments of CREATE VIRTUAL TABLE, and of the table-valued function, as a configuration.
 *
 *     's3://bucket/prefix/', included_patterns='*.md', max_file_size=10MB, on_error='null'
 *
 * The first may be the bucket's URL without a name; the others are fields of a spec file's source.
 * A list is given item by item.  What concerns events or a target is refused, and so are keys and
 * passwords: the database file would keep them.
 */
#ifndef SQLITE_ARGUMENTS_H
#define SQLITE_ARGUMENTS_H

#include "sqlite/table.h"

/* Fill `place`, which is all-zero; the caller clears it, also after a failure. */
BKT_MUST_CHECK int ext_arguments_read(struct ext_place *place,
                                      int count,
                                      const char *const *arguments,
                                      struct bkt_error *err);

/* The same of a URL and, unless NULL, a JSON object of source fields. */
BKT_MUST_CHECK int ext_arguments_call(struct ext_place *place,
                                      const char *url,
                                      const char *options,
                                      struct bkt_error *err);

#endif
