/*
 * Messages to the configuration's queue: in batches of ten, many at the same time, sent again where
 * that may help.  A message of a request whose answer was lost may arrive twice.
 *
 * Threads: one, that of the asker.
 */
#ifndef API_SENDER_H
#define API_SENDER_H

#include "api/queue.h"

struct bkt_sender;

struct bkt_sender_counts {
    uint64_t sent;
    uint64_t failed; /* refused by the queue, each for itself */
    uint64_t requests;
};

/* `asker` is borrowed. */
BKT_MUST_CHECK int bkt_sender_new(struct bkt_asker *asker,
                                  struct bkt_sender **out_sender,
                                  struct bkt_error *err);
/* NULL is fine.  Messages that are not sent yet are dropped. */
void bkt_sender_free(struct bkt_sender *sender);

/*
 * Send `body`, which is taken over; waits while too many are under way.  Fails, here or later,
 * where the queue refuses the request, or has not answered for the settings' retry_time.
 */
BKT_MUST_CHECK int bkt_sender_add(struct bkt_sender *sender,
                                  struct bkt_buf *body,
                                  struct bkt_error *err);

/* Wait until the queue has all of them. */
BKT_MUST_CHECK int bkt_sender_flush(struct bkt_sender *sender, struct bkt_error *err);

struct bkt_sender_counts bkt_sender_counts(const struct bkt_sender *sender);

/* Why the first one was refused for itself; "": none was. */
const char *bkt_sender_refusal(const struct bkt_sender *sender);

#endif
