/*
 * The listen channel against a scripted MinIO: one request at a time, whose answer goes on; what
 * its lines lead to, and every way in which it may end or never begin.
 */
#include "events/listen_channel.h"

#include "../../fake/http_script.h"
#include "channel_rig.h"

#include <stdlib.h>

#define LISTEN "GET /docs?events=s3%3AObjectCreated%3A%2A&events=s3%3AObjectRemoved%3A%2A&ping=1"
#define RECORD(key)                                                                             \
    "{\"eventVersion\":\"2.0\",\"eventSource\":\"minio:s3\",\"eventName\":\"s3:ObjectCreated:P" \
    "ut\",\"s3\":{\"bucket\":{\"name\":\"docs\"},\"object\":{\"key\":\"" key "\"}}}"
#define LINE(key) "{\"Records\":[" RECORD(key) "]}\n"
#define PING      "{\"Records\":null}\n"
#define REFUSAL(code) \
    "<?xml version=\"1.0\"?><Error><Code>" code "</Code><Message>said so</Message></Error>"
#define NEVER_ENDS "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"

/* A stream that stays open after these lines, or is ended.  Four at a time. */
static struct http_script_answer stream(const char *lines, bool is_ended)
{
    static char buffers[4][8192];
    static unsigned next;
    char *buffer = buffers[next++ % 4];
    int len =
        lines[0] ? snprintf(buffer, sizeof(buffers[0]), "%zx\r\n%s\r\n", strlen(lines), lines) : 0;
    (void)snprintf(buffer + len, sizeof(buffers[0]) - (size_t)len, "%s",
                   is_ended ? "0\r\n\r\n" : "");
    return (struct http_script_answer){.match = LISTEN, .headers = NEVER_ENDS, .body = buffer};
}

struct minio {
    struct rig rig;
    struct http_script *script;
    unsigned renewals;
    unsigned busy_count; /* so often are new credentials still being fetched */
    struct bkt_listen_channel_options options;
};

static int give_creds(void *ctx, bool renew, struct bkt_creds *out, struct bkt_error *err)
{
    struct minio *minio = ctx;
    if (renew && minio->busy_count > 0) {
        minio->busy_count--;
        return bkt_error_set(err, BKT_EBUSY, "credentials are being fetched");
    }
    minio->renewals += renew;
    struct bkt_str id = minio->renewals > 0 ? BKT_STR("NEWID") : BKT_STR("OLDID");
    return bkt_creds_set(out, id, BKT_STR("secret"), BKT_STR(""));
}

static void open_minio(struct minio *minio,
                       struct bkt_str prefix,
                       const struct http_script_answer *answers,
                       size_t count)
{
    *minio = (struct minio){.script = http_script_start(answers, count)};
    minio->rig.now_ms = 1000000;
    assert_int_equal(bkt_http_new(NULL, &minio->rig.http, NULL), BKT_OK);
    minio->options = (struct bkt_listen_channel_options){
        .http = minio->rig.http,
        .bucket = {.bucket = BKT_STR("docs"),
                   .region = BKT_STR("eu-west-1"),
                   .endpoint_url = bkt_str_from(http_script_url(minio->script))},
        .prefix = prefix,
        .creds = give_creds,
        .creds_ctx = minio,
        .seed = 1,
    };
    struct bkt_channel_owner owner = rig_owner(&minio->rig);
    assert_int_equal(bkt_listen_channel_new(&minio->options, &owner, &minio->rig.channel, NULL),
                     BKT_OK);
}

static void close_minio(struct minio *minio)
{
    rig_close(&minio->rig);
    http_script_stop(minio->script);
}

static void keys_are_told_as_they_are(void **state)
{
    (void)state;
    const struct http_script_answer answers[] = {
        stream("  " PING LINE("a%41+b") PING
               "{\"Records\":[" RECORD("x") "," RECORD("x") "," RECORD("y") "]}\n" LINE("last"),
               false)};
    struct minio minio;
    open_minio(&minio, BKT_STR("p +/%"), answers, T_COUNT(answers));
    RIG_UNTIL(&minio.rig, minio.rig.change_count == 3);
    assert_string_equal(minio.rig.changed, "a%41+b; x y; last; ");
    assert_int_equal(minio.rig.ready_count, 1);
    assert_int_equal(minio.rig.gap_count, 0);
    const char *request = http_script_request(minio.script, 0);
    assert_non_null(strstr(request, LISTEN "&prefix=p%20%2B%2F%25 HTTP/1.1"));
    assert_non_null(strstr(request, "/eu-west-1/s3/aws4_request"));
    assert_int_equal(rig_stats(&minio.rig).unsettled, 3);
    minio.rig.channel.ops->settle(minio.rig.channel.self, minio.rig.tokens[0]);
    minio.rig.channel.ops->settle(minio.rig.channel.self, minio.rig.tokens[0]);
    assert_int_equal(rig_stats(&minio.rig).acknowledged, 1);
    assert_int_equal(rig_stats(&minio.rig).unsettled, 2);
    assert_true(minio.rig.channel.ops->is_drained(minio.rig.channel.self));
    close_minio(&minio);
}

static void a_line_that_is_lost_is_a_gap(void **state)
{
    (void)state;
    const struct http_script_answer answers[] = {stream("garbage\n" LINE("k"), false)};
    struct minio minio;
    open_minio(&minio, BKT_STR(""), answers, T_COUNT(answers));
    RIG_UNTIL(&minio.rig, minio.rig.gap_count == 1);
    assert_string_equal(minio.rig.changed, "k; ");
    assert_int_equal(rig_stats(&minio.rig).poison, 1);
    assert_int_equal(minio.rig.warn_count, 1);
    rig_settle_down(&minio.rig);
    assert_int_equal(minio.rig.gap_count, 1);
    close_minio(&minio);
}

static void a_server_that_never_answers_is_told_within_seconds(void **state)
{
    (void)state;
    const struct http_script_answer answers[] = {
        {.match = LISTEN, .again = true, .end = HTTP_SCRIPT_MUTE}};
    struct minio minio;
    open_minio(&minio, BKT_STR(""), answers, T_COUNT(answers));
    RIG_UNTIL(&minio.rig, http_script_count(minio.script) == 1);
    minio.rig.now_ms += 7999;
    rig_settle_down(&minio.rig);
    assert_int_equal(minio.rig.trouble_count, 0);
    minio.rig.now_ms += 1;
    RIG_UNTIL(&minio.rig, minio.rig.trouble_count == 1);
    assert_false(minio.rig.trouble.retriable);
    assert_non_null(strstr(minio.rig.trouble.message, "redis_url"));
    assert_non_null(strstr(minio.rig.trouble.message, "refresh_interval"));
    assert_int_equal(minio.rig.ready_count, 0);
    rig_settle_down(&minio.rig);
    minio.rig.now_ms += 2000;
    RIG_UNTIL(&minio.rig, http_script_count(minio.script) == 2); /* it may be replaced */
    close_minio(&minio);
}

static void refusals_say_what_to_do(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body;
        bool is_retriable;
        const char *words;
    } cases[] = {
        {404, REFUSAL("NoSuchBucket"), false, "404 NoSuchBucket: said so; check bucket_name"},
        {403, REFUSAL("AccessDenied"), false, "allow s3:ListenBucketNotification"},
        {403, REFUSAL("InvalidAccessKeyId"), false, "check the credentials"},
        {403, REFUSAL("SignatureDoesNotMatch"), false, "check the credentials"},
        {400, REFUSAL("InvalidArgument"), false, "minio_listen needs a MinIO server"},
        {501, REFUSAL("NotImplemented"), false, "minio_listen needs a MinIO server"},
        {503, REFUSAL("SlowDown"), true, "503 SlowDown"},
        {500, "", true, ": 500"},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s\n", cases[i].words);
        const struct http_script_answer answers[] = {
            {.match = LISTEN, .status = cases[i].status, .body = cases[i].body}};
        struct minio minio;
        open_minio(&minio, BKT_STR(""), answers, T_COUNT(answers));
        RIG_UNTIL(&minio.rig, minio.rig.trouble_count == 1);
        assert_int_equal(minio.rig.trouble.retriable, cases[i].is_retriable);
        assert_non_null(strstr(minio.rig.trouble.message, cases[i].words));
        assert_int_equal(minio.rig.ready_count, 0);
        close_minio(&minio);
    }
}

/* To S3 the request is one for a list of objects, which would never tell a change. */
static void a_list_of_objects_is_no_stream(void **state)
{
    (void)state;
    const struct http_script_answer answers[] = {{.match = LISTEN,
                                                  .headers = "Content-Type: application/xml\r\n",
                                                  .body = "<ListBucketResult/>"}};
    struct minio minio;
    open_minio(&minio, BKT_STR(""), answers, T_COUNT(answers));
    RIG_UNTIL(&minio.rig, minio.rig.trouble_count == 1);
    assert_false(minio.rig.trouble.retriable);
    assert_non_null(strstr(minio.rig.trouble.message, "needs a MinIO server"));
    assert_int_equal(minio.rig.ready_count, 0);
    close_minio(&minio);
}

static void after_a_break_there_is_a_gap(void **state)
{
    (void)state;
    const struct http_script_answer answers[] = {
        stream(LINE("a"), true),
        {.match = LISTEN, .status = 503},
        stream(LINE("b"), false),
    };
    struct minio minio;
    open_minio(&minio, BKT_STR(""), answers, T_COUNT(answers));
    RIG_UNTIL(&minio.rig, minio.rig.trouble_count == 1);
    assert_true(minio.rig.trouble.retriable);
    rig_settle_down(&minio.rig);
    minio.rig.now_ms += 999;
    rig_settle_down(&minio.rig);
    assert_int_equal(http_script_count(minio.script), 1);
    minio.rig.now_ms += 1001;
    RIG_UNTIL(&minio.rig, minio.rig.trouble_count == 2); /* another reason */
    assert_int_equal(minio.rig.gap_count, 0);
    rig_settle_down(&minio.rig);
    minio.rig.now_ms += 4000;
    RIG_UNTIL(&minio.rig, minio.rig.change_count == 2);
    assert_int_equal(minio.rig.ready_count, 2);
    assert_int_equal(minio.rig.gap_count, 1);
    assert_int_equal(minio.rig.relief_count, 1);
    close_minio(&minio);
}

static void silence_is_a_break(void **state)
{
    (void)state;
    const struct http_script_answer answers[] = {stream(PING, false), stream(PING, false)};
    struct minio minio;
    open_minio(&minio, BKT_STR(""), answers, T_COUNT(answers));
    RIG_UNTIL(&minio.rig, minio.rig.ready_count == 1);
    rig_settle_down(&minio.rig);
    minio.rig.now_ms += 14999;
    rig_settle_down(&minio.rig);
    assert_int_equal(minio.rig.trouble_count, 0);
    minio.rig.now_ms += 1;
    RIG_UNTIL(&minio.rig, minio.rig.trouble_count == 1);
    assert_non_null(strstr(minio.rig.trouble.message, "silent for 15 s"));
    rig_settle_down(&minio.rig);
    minio.rig.now_ms += 2000;
    RIG_UNTIL(&minio.rig, minio.rig.gap_count == 1);
    close_minio(&minio);
}

static void credentials_and_clock_are_put_right(void **state)
{
    (void)state;
    const struct http_script_answer answers[] = {
        {.match = "Credential=OLDID/", .status = 403, .body = REFUSAL("ExpiredToken")},
        {.match = "Credential=OLDID/", .status = 403, .body = REFUSAL("ExpiredToken")},
        {.match = "Credential=NEWID/",
         .status = 403,
         .headers = "Date: Fri, 01 Mar 2024 10:00:00 GMT\r\n",
         .body = REFUSAL("RequestTimeTooSkewed")},
        stream(PING, false)};
    struct minio minio;
    open_minio(&minio, BKT_STR(""), answers, T_COUNT(answers));
    minio.busy_count = 1; /* that is no trouble, and asked again soon */
    RIG_UNTIL(&minio.rig, minio.busy_count == 0);
    rig_settle_down(&minio.rig);
    assert_int_equal(minio.rig.trouble_count, 0);
    minio.rig.now_ms += 100;
    RIG_UNTIL(&minio.rig, minio.rig.ready_count == 1);
    assert_int_equal(minio.rig.trouble_count, 0);
    assert_int_equal(minio.renewals, 1);
    assert_non_null(strstr(http_script_request(minio.script, 3), "/20240301/"));
    close_minio(&minio);
}

static void what_nobody_has_room_for_is_a_gap(void **state)
{
    (void)state;
    struct bkt_buf body = BKT_BUF_INIT(4 << 20);
    assert_int_equal(bkt_buf_append(&body, BKT_STR("{\"Records\":[")), BKT_OK);
    for (int i = 0; i < BKT_CHANNEL_UNSETTLED_MAX; i++) {
        assert_int_equal(
            bkt_buf_printf(&body,
                           "%s{\"eventVersion\":\"2.0\",\"eventSource\":\"minio:s3\",\"eventName\":"
                           "\"s3:ObjectCreated:Put\",\"s3\":{\"bucket\":{\"name\":\"docs\"},"
                           "\"object\":{\"key\":\"k%d\"}}}",
                           i > 0 ? "," : "", i),
            BKT_OK);
    }
    assert_int_equal(bkt_buf_append(&body, BKT_STR("]}\n" LINE("too much"))), BKT_OK);
    struct bkt_buf chunk = BKT_BUF_INIT(4 << 20);
    assert_int_equal(bkt_buf_printf(&chunk, "%zx\r\n%s\r\n", body.len, body.ptr), BKT_OK);
    const struct http_script_answer answers[] = {
        {.match = LISTEN, .headers = NEVER_ENDS, .body = chunk.ptr}};
    struct minio minio;
    open_minio(&minio, BKT_STR(""), answers, T_COUNT(answers));
    RIG_UNTIL(&minio.rig, rig_stats(&minio.rig).received == 2);
    rig_settle_down(&minio.rig);
    assert_int_equal(minio.rig.change_count, 1);
    assert_int_equal(minio.rig.gap_count, 0); /* later: now there is no room for a listing */
    minio.rig.channel.ops->settle(minio.rig.channel.self, minio.rig.tokens[0]);
    RIG_UNTIL(&minio.rig, minio.rig.gap_count == 1);
    close_minio(&minio);
    bkt_buf_clear(&body);
    bkt_buf_clear(&chunk);
}

static void stopping_ends_the_request(void **state)
{
    (void)state;
    const struct http_script_answer answers[] = {stream(LINE("a"), false)};
    struct minio minio;
    open_minio(&minio, BKT_STR(""), answers, T_COUNT(answers));
    RIG_UNTIL(&minio.rig, minio.rig.change_count == 1);
    minio.rig.channel.ops->stop(minio.rig.channel.self);
    minio.rig.now_ms += 60000;
    rig_settle_down(&minio.rig);
    assert_int_equal(http_script_count(minio.script), 1);
    assert_int_equal(minio.rig.trouble_count, 0);
    assert_int_equal(minio.rig.channel.ops->wait_ms(minio.rig.channel.self, minio.rig.now_ms), -1);
    minio.rig.channel.ops->settle(minio.rig.channel.self, minio.rig.tokens[0]);
    assert_int_equal(rig_stats(&minio.rig).unsettled, 0);
    close_minio(&minio);
}

static int open_and_close(struct bkt_str bucket)
{
    struct bkt_listen_channel_options options = {
        .bucket = {.bucket = bucket,
                   .region = BKT_STR("us-east-1"),
                   .endpoint_url = BKT_STR("http://127.0.0.1:1")},
        .prefix = BKT_STR("p/"),
    };
    struct rig rig = {0};
    struct bkt_channel_owner owner = rig_owner(&rig);
    struct bkt_channel channel;
    int rc = bkt_listen_channel_new(&options, &owner, &channel, NULL);
    if (rc == BKT_OK)
        channel.ops->free(channel.self);
    return rc;
}

static void options_are_checked(void **state)
{
    (void)state;
    T_TORTURE(open_and_close(BKT_STR("docs")));
    assert_int_equal(open_and_close(BKT_STR("docs--use1-az4--x-s3")), BKT_ECONFIG);
    assert_int_equal(bkt_mem_live(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_told_as_they_are),
        cmocka_unit_test(a_line_that_is_lost_is_a_gap),
        cmocka_unit_test(a_server_that_never_answers_is_told_within_seconds),
        cmocka_unit_test(refusals_say_what_to_do),
        cmocka_unit_test(a_list_of_objects_is_no_stream),
        cmocka_unit_test(after_a_break_there_is_a_gap),
        cmocka_unit_test(silence_is_a_break),
        cmocka_unit_test(credentials_and_clock_are_put_right),
        cmocka_unit_test(what_nobody_has_room_for_is_a_gap),
        cmocka_unit_test(stopping_ends_the_request),
        cmocka_unit_test(options_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
