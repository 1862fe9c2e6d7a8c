/*
 * The small HTTP server beside a watch: /metrics, /healthz, a status page at /.
 *
 * It answers GET and HEAD alone and changes nothing.  On a loopback address it answers only who
 * asks for a loopback name, so that no web page can read it through a name of its own
 * (DNS rebinding).
 */
#ifndef CLI_LISTEN_H
#define CLI_LISTEN_H

#include <bucketable/bucketable.h>

struct cli_listen;

/*
 * ADDR:PORT, [IPv6]:PORT, or :PORT for the loopback address; port 0 takes a free one.  BKT_ECONFIG
 * when `where` is none of these, or this program was built without it.
 */
BKT_MUST_CHECK int cli_listen_start(const char *where,
                                    struct bkt_watch *watch,
                                    struct cli_listen **out_listen,
                                    struct bkt_error *err);

/* What cli_listen_start() would say of `where` before anything is tried. */
BKT_MUST_CHECK int cli_listen_check(const char *where, struct bkt_error *err);

/* "http://127.0.0.1:9100/" */
const char *cli_listen_url(const struct cli_listen *listen);

/* For the page: a key was written or removed, or there is trouble.  NULL is fine. */
void cli_listen_changed(struct cli_listen *listen, const char *what, const char *key, size_t len);
void cli_listen_failed(struct cli_listen *listen,
                       const char *key,
                       size_t key_len,
                       const char *reason);

/* Waits for the answers under way.  NULL is fine. */
void cli_listen_stop(struct cli_listen *listen);

#endif
