/* In place of listen.c, where libmicrohttpd was not there to build it with. */
#include "cli/listen.h"

int cli_listen_start(const char *where,
                     struct bkt_watch *watch,
                     struct cli_listen **out_listen,
                     struct bkt_error *err)
{
    (void)watch;
    (void)out_listen;
    return cli_listen_check(where, err);
}

int cli_listen_check(const char *where, struct bkt_error *err)
{
    (void)where;
    return bkt_error_set(err, BKT_ECONFIG,
                         "--listen: this program was built without libmicrohttpd; install "
                         "libmicrohttpd-dev and build it again");
}

const char *cli_listen_url(const struct cli_listen *listen)
{
    (void)listen;
    return "";
}

void cli_listen_changed(struct cli_listen *listen, const char *what, const char *key, size_t len)
{
    (void)listen;
    (void)what;
    (void)key;
    (void)len;
}

void cli_listen_failed(struct cli_listen *listen,
                       const char *key,
                       size_t key_len,
                       const char *reason)
{
    (void)listen;
    (void)key;
    (void)key_len;
    (void)reason;
}

void cli_listen_stop(struct cli_listen *listen)
{
    (void)listen;
}
