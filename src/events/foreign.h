/* Whether messages on a queue speak of other buckets than the one it should feed a table from. */
#ifndef EVENTS_FOREIGN_H
#define EVENTS_FOREIGN_H

#include "events/sqs_answer.h"

/*
 * Count them; `example` gets a bucket's name of one, made printable, or "".  What is not understood
 * speaks of none.  BKT_ENOMEM.
 */
BKT_MUST_CHECK int bkt_foreign_count(const struct bkt_sqs_messages *messages,
                                     struct bkt_str bucket,
                                     size_t *out_count,
                                     char *example,
                                     size_t example_size);

#endif
