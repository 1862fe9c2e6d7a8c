/*
 * What a service manager is told of a watch: sd_notify(3)'s datagrams, without libsystemd.
 *
 *   READY=1                        events are being received and the first listing is in the table
 *   RELOADING=1, then READY=1      SIGHUP asked for a listing, which ends, or is in trouble
 *   STATUS=...                     how it is doing: one line, when it has changed
 *   WATCHDOG=1                     the loop has answered a question just now
 *   STOPPING=1                     it ends
 *
 * Each function takes NULL, which is what a process has that nobody manages.  A datagram that does
 * not get through is no failure of the program's: its state is told again a little later.
 */
#ifndef CLI_NOTIFY_H
#define CLI_NOTIFY_H

#include <bucketable/stats.h>

struct cli_notify;

/*
 * Take NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment, so that no child
 * speaks for us.  `out_notify` becomes NULL where no manager asks to be told.  Fails where one does
 * that cannot be told so (BKT_EUNSUPPORTED), or BKT_EIO, BKT_ENOMEM.
 */
BKT_MUST_CHECK int cli_notify_new(struct cli_notify **out_notify, struct bkt_error *err);

/* As bkt_watch_stats(): asks the loop, and waits no longer than that. */
typedef int cli_notify_ask_fn(void *ctx, int timeout_ms, struct bkt_stats *out_stats);

/* Begin to tell STATUS= and WATCHDOG=1: `ask` is called on a thread of its own.  At most once. */
BKT_MUST_CHECK int cli_notify_start(struct cli_notify *notify,
                                    cli_notify_ask_fn *ask,
                                    void *ctx,
                                    struct bkt_error *err);

/* Once. */
void cli_notify_ready(struct cli_notify *notify);

/*
 * A listing has ended that took so long; 0: whatever was tried for one has.  One that had begun
 * before SIGHUP asked is not what was asked for: another follows it.
 */
void cli_notify_listed(struct cli_notify *notify, double seconds);

/* SIGHUP, and the end: also from a signal handler. */
void cli_notify_listing(struct cli_notify *notify);
void cli_notify_stopping(struct cli_notify *notify);

/* Tell no more: when this returns, `ask` is not called again.  The state told last stays. */
void cli_notify_free(struct cli_notify *notify);

#endif
