/*
 * Requests against a scripted server on loopback: what is sent is what was asked for, what comes
 * back is told whole or as a failure, and memory that runs out ends a request instead of hanging
 * it.
 */
#include "aws/http.h"

#include "../../fake/http_script.h"

#include "t.h"

#include <stdio.h>
#include <string.h>

struct answer {
    int rc;
    int status;
    char body[256];
    struct bkt_error err;
};

static int call(const struct bkt_http_request *request, size_t body_bytes_max, struct answer *out)
{
    struct bkt_buf body = BKT_BUF_INIT(body_bytes_max);
    *out = (struct answer){0};
    out->rc = bkt_http_call(NULL, request, &out->status, &body, &out->err);
    (void)snprintf(out->body, sizeof(out->body), "%.*s", BKT_STR_ARG(bkt_buf_str(&body)));
    bkt_buf_clear(&body);
    return out->rc;
}

/* The one answer to a GET of `path`. */
static int get(const struct http_script_answer *scripted, const char *path, struct answer *out)
{
    struct http_script *script = http_script_start(scripted, 1);
    assert_non_null(script);
    char url[128];
    (void)snprintf(url, sizeof(url), "%s%s", http_script_url(script), path);
    struct bkt_http_request request = {.method = "GET", .url = url, .stall_timeout_ms = 1000};
    int rc = call(&request, 64, out);
    http_script_stop(script);
    return rc;
}

static void the_url_and_headers_are_sent_byte_for_byte(void **state)
{
    (void)state;
    static const struct http_script_answer scripted = {.body = "ok"};
    struct http_script *script = http_script_start(&scripted, 1);
    char url[128];
    (void)snprintf(url, sizeof(url), "%s/a%%2Bb/.././/c?x=%%2f", http_script_url(script));
    const struct bkt_str headers[] = {BKT_STR("X-First: 1"), BKT_STR("X-Second: two words")};
    struct bkt_http_request request = {
        .method = "GET", .url = url, .headers = headers, .header_count = 2};
    struct answer answer;
    assert_int_equal(call(&request, 64, &answer), BKT_OK);
    assert_string_equal(answer.body, "ok");
    const char *sent = http_script_request(script, 0);
    assert_non_null(strstr(sent, "GET /a%2Bb/.././/c?x=%2f HTTP/1.1\r\n"));
    assert_non_null(strstr(sent, "\r\nX-First: 1\r\n"));
    assert_non_null(strstr(sent, "\r\nX-Second: two words\r\n"));
    assert_null(strstr(sent, "\r\nAccept:"));
    http_script_stop(script);
}

static void a_status_is_an_answer_and_redirects_are_not_followed(void **state)
{
    (void)state;
    struct answer answer;
    struct http_script_answer refused = {.status = 403, .body = "no"};
    assert_int_equal(get(&refused, "/", &answer), BKT_OK);
    assert_int_equal(answer.status, 403);
    assert_string_equal(answer.body, "no");
    struct http_script_answer moved = {.status = 301, .headers = "Location: http://x.invalid/\r\n"};
    assert_int_equal(get(&moved, "/", &answer), BKT_OK);
    assert_int_equal(answer.status, 301);
}

static void half_an_answer_is_a_failure_that_may_pass(void **state)
{
    (void)state;
    struct answer answer;
    struct http_script_answer cut = {.body = "0123456789", .end = HTTP_SCRIPT_CUT};
    assert_int_equal(get(&cut, "/", &answer), BKT_ENET);
    assert_true(answer.err.retriable);
    struct http_script_answer stalled = {.body = "0123456789", .end = HTTP_SCRIPT_STALL};
    assert_int_equal(get(&stalled, "/", &answer), BKT_ENET);
    assert_true(answer.err.retriable);
}

static void a_body_over_its_ceiling_is_not_read(void **state)
{
    (void)state;
    static char large[65];
    memset(large, 'x', sizeof(large));
    struct answer answer;
    struct http_script_answer scripted = {.body = large, .body_len = sizeof(large)};
    assert_int_equal(get(&scripted, "/", &answer), BKT_ELIMIT);
    scripted.body_len = sizeof(large) - 1;
    assert_int_equal(get(&scripted, "/", &answer), BKT_OK);
}

static void a_refused_connection_names_itself_and_is_for_the_user_to_mend(void **state)
{
    (void)state;
    struct bkt_http_request request = {.method = "GET", .url = "http://127.0.0.1:1/"};
    struct answer answer;
    assert_int_equal(call(&request, 64, &answer), BKT_ENET);
    assert_false(answer.err.retriable);
    assert_non_null(strstr(answer.err.message, "Connection refused"));
}

struct turn {
    bool is_done;
    int rc;
    int status;
};

static void on_turn(void *ctx,
                    int rc,
                    struct bkt_http_response *response,
                    const struct bkt_error *e)
{
    (void)e;
    *(struct turn *)ctx = (struct turn){true, rc, response->status};
}

static void turn(struct bkt_http *http, const char *url)
{
    struct turn turn = {0};
    struct bkt_http_request request = {
        .method = "GET", .url = url, .body_bytes_max = 64, .on_done = on_turn, .ctx = &turn};
    assert_int_equal(bkt_http_start(http, &request, NULL, NULL), BKT_OK);
    while (!turn.is_done)
        assert_int_equal(bkt_http_run_once(http, -1, NULL), BKT_OK);
    assert_int_equal(turn.rc, BKT_OK);
    assert_int_equal(turn.status, 200);
}

/*
 * Servers close what has been idle for some time (5 s, 60 s), and say nothing.  The next request
 * finds out, before it is sent or while it is under way, and that is no failure of its own.
 */
static void an_idle_connection_that_was_closed_is_no_failure(void **state)
{
    (void)state;
    static const struct http_script_answer answers[] = {
        {.body = "1", .end = HTTP_SCRIPT_DROP},
        {.body = "2"},
        {.end = HTTP_SCRIPT_HANG_UP}, /* on the connection of "2", which is used again */
        {.body = "3"},
    };
    struct http_script *script = http_script_start(answers, T_COUNT(answers));
    struct bkt_http *http;
    assert_int_equal(bkt_http_new(NULL, &http, NULL), BKT_OK);
    for (unsigned i = 0; i < 3; i++)
        turn(http, http_script_url(script));
    assert_int_equal(http_script_left(script), 0);
    assert_int_equal(http_script_count(script), 4);
    bkt_http_free(http);
    http_script_stop(script);
}

static int one_request(const char *url)
{
    struct bkt_http_request request = {.method = "GET", .url = url, .total_timeout_ms = 10000};
    struct answer answer;
    return call(&request, 64, &answer);
}

static void memory_that_runs_out_ends_the_request(void **state)
{
    (void)state;
    static const struct http_script_answer scripted = {
        .headers = "X-A: 1\r\nX-B: 2\r\n", .body = "ok", .again = true};
    struct http_script *script = http_script_start(&scripted, 1);
    T_TORTURE(one_request(http_script_url(script)));
    http_script_stop(script);
}

struct pair {
    struct bkt_http *http;
    uint64_t loser;
    int status; /* of the other one */
    bool loser_was_told;
};

static int cancel_the_loser(void *ctx, struct bkt_http_response *response, struct bkt_error *err)
{
    (void)err;
    struct pair *pair = ctx;
    pair->status = response->status;
    bkt_http_cancel(pair->http, pair->loser);
    bkt_http_cancel(pair->http, pair->loser);
    return BKT_OK;
}

static int tell_of_the_loser(void *ctx, struct bkt_http_response *response, struct bkt_error *err)
{
    (void)response;
    (void)err;
    ((struct pair *)ctx)->loser_was_told = true;
    return BKT_OK;
}

static void end_of_the_loser(void *ctx,
                             int rc,
                             struct bkt_http_response *response,
                             const struct bkt_error *err)
{
    (void)rc;
    (void)response;
    (void)err;
    ((struct pair *)ctx)->loser_was_told = true;
}

static void end_of_another(void *ctx,
                           int rc,
                           struct bkt_http_response *response,
                           const struct bkt_error *err)
{
    (void)err;
    assert_int_equal(rc, BKT_OK);
    *(int *)ctx = response->status;
}

static void turn_until(struct bkt_http *http, const int *status)
{
    while (*status == 0)
        assert_int_equal(bkt_http_run_once(http, 20, NULL), BKT_OK);
}

/* libcurl lets nobody take a request away while it is calling. */
static void a_callback_cancels_another_request(void **state)
{
    (void)state;
    static const struct http_script_answer answers[] = {
        {.match = "GET /first ", .status = 204},
        {.match = "GET /slow ", .body = "late", .delay_ms = 300},
        {.match = "GET /then ", .status = 202, .delay_ms = 500}};
    struct http_script *script = http_script_start(answers, 3);
    struct pair pair = {0};
    int then = 0;
    char url[3][128];
    static const char *const names[] = {"first", "slow", "then"};
    for (size_t i = 0; i < 3; i++)
        (void)snprintf(url[i], sizeof(url[i]), "%s/%s", http_script_url(script), names[i]);
    assert_int_equal(bkt_http_new(NULL, &pair.http, NULL), BKT_OK);

    struct bkt_http_request slow = {.method = "GET",
                                    .url = url[1],
                                    .body_bytes_max = 64,
                                    .on_head = tell_of_the_loser,
                                    .on_done = end_of_the_loser,
                                    .ctx = &pair};
    assert_int_equal(bkt_http_start(pair.http, &slow, &pair.loser, NULL), BKT_OK);
    struct bkt_http_request winner = {.method = "GET",
                                      .url = url[0],
                                      .on_head = cancel_the_loser,
                                      .on_done = end_of_the_loser,
                                      .ctx = &pair};
    assert_int_equal(bkt_http_start(pair.http, &winner, NULL, NULL), BKT_OK);
    turn_until(pair.http, &pair.status);
    pair.loser_was_told = false; /* the end of the winner told so */

    /* One that is put into its place has its own answer alone. */
    struct bkt_http_request another = {
        .method = "GET", .url = url[2], .on_done = end_of_another, .ctx = &then};
    assert_int_equal(bkt_http_start(pair.http, &another, NULL, NULL), BKT_OK);
    turn_until(pair.http, &then);
    assert_int_equal(pair.status, 204);
    assert_int_equal(then, 202);
    assert_false(pair.loser_was_told);
    bkt_http_free(pair.http);
    http_script_stop(script);
}

struct own {
    struct bkt_http *http;
    uint64_t id;
    int status;
};

static void cancel_oneself(void *ctx,
                           int rc,
                           struct bkt_http_response *response,
                           const struct bkt_error *err)
{
    (void)err;
    struct own *own = ctx;
    assert_int_equal(rc, BKT_OK);
    own->status = response->status;
    bkt_http_cancel(own->http, own->id);
}

/* By then its id has ended, and its place must not be given to two others. */
static void the_end_of_a_request_cancels_it(void **state)
{
    (void)state;
    static const struct http_script_answer answers[] = {
        {.match = "GET /own ", .status = 204},
        {.match = "GET /a ", .status = 201, .delay_ms = 50},
        {.match = "GET /b ", .status = 202, .delay_ms = 50}};
    struct http_script *script = http_script_start(answers, T_COUNT(answers));
    struct own own = {0};
    int statuses[2] = {0};
    char url[128];
    assert_int_equal(bkt_http_new(NULL, &own.http, NULL), BKT_OK);
    struct bkt_http_request request = {
        .method = "GET", .url = url, .on_done = cancel_oneself, .ctx = &own};
    (void)snprintf(url, sizeof(url), "%s/own", http_script_url(script));
    assert_int_equal(bkt_http_start(own.http, &request, &own.id, NULL), BKT_OK);
    turn_until(own.http, &own.status);
    assert_int_equal(own.status, 204);

    for (size_t i = 0; i < 2; i++) {
        request.on_done = end_of_another;
        request.ctx = &statuses[i];
        (void)snprintf(url, sizeof(url), "%s/%c", http_script_url(script), i == 0 ? 'a' : 'b');
        assert_int_equal(bkt_http_start(own.http, &request, NULL, NULL), BKT_OK);
    }
    turn_until(own.http, &statuses[0]);
    turn_until(own.http, &statuses[1]);
    assert_int_equal(statuses[0], 201);
    assert_int_equal(statuses[1], 202);
    bkt_http_free(own.http);
    http_script_stop(script);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_url_and_headers_are_sent_byte_for_byte),
        cmocka_unit_test(a_status_is_an_answer_and_redirects_are_not_followed),
        cmocka_unit_test(half_an_answer_is_a_failure_that_may_pass),
        cmocka_unit_test(a_body_over_its_ceiling_is_not_read),
        cmocka_unit_test(a_refused_connection_names_itself_and_is_for_the_user_to_mend),
        cmocka_unit_test(an_idle_connection_that_was_closed_is_no_failure),
        cmocka_unit_test(a_callback_cancels_another_request),
        cmocka_unit_test(the_end_of_a_request_cancels_it),
        cmocka_unit_test(memory_that_runs_out_ends_the_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
