/*
 * Where a Redis is and how to log in there, from the URL that people write:
 *
 *     redis://[[user]:password@]host[:port][/db]     rediss:// with TLS
 *     redis://password@host, as old clients wrote it, where no password is known from elsewhere
 *     unix://[[user]:password@]/path/of/socket[?db=N]
 *
 * User and password are percent-encoded where they hold `:`, `@` or `/`.  An IPv6 address is in
 * brackets.  Parameters other than `db` are refused.
 */
#ifndef EVENTS_REDIS_URL_H
#define EVENTS_REDIS_URL_H

#include "core/str.h"

#include <bucketable/error.h>

enum {
    BKT_REDIS_TEXT_BYTES = 512,
    BKT_REDIS_PORT = 6379,
    BKT_REDIS_DATABASES_MAX = 65536,
    BKT_REDIS_NAME_BYTES_MAX = 1024,
};

struct bkt_redis_url {
    bool is_tls;
    bool is_unix;
    char host[256]; /* or the socket's path */
    uint16_t port;
    uint32_t database;
    char user[BKT_REDIS_TEXT_BYTES];     /* "": Redis's default one */
    char password[BKT_REDIS_TEXT_BYTES]; /* "": none; a secret */
    char place[300];                     /* the URL without user and password, for messages */
};

/*
 * `password` is what the environment says, or empty: it is taken where the URL has none, and then
 * redis://user@host is a user.  BKT_ECONFIG; the message shows neither user nor password.
 */
BKT_MUST_CHECK int bkt_redis_url_parse(struct bkt_str text,
                                       struct bkt_str password,
                                       struct bkt_redis_url *out,
                                       struct bkt_error *err);

/* Is it a name to follow, of a channel and a key?  BKT_ECONFIG. */
BKT_MUST_CHECK int bkt_redis_name_check(struct bkt_str name, struct bkt_error *err);

#endif
