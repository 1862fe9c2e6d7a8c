#include "control.h"

#include "stamp.h"

#include <stdlib.h>

#define PATH "/_stub/"

bool stub_control_is(const struct stub_request *request)
{
    return bkt_str_has_prefix(request->path, BKT_STR(PATH));
}

static void wrong(struct stub_response *response, const char *message)
{
    response->status = 400;
    stub_text_printf(&response->body, "{\"error\":\"%s\"}\n", message);
}

static void put_statuses(struct stub_text *out, const struct stub_server_stats *stats)
{
    const char *comma = "";
    stub_text_lit(out, "\"statuses\":{");
    for (int status = 0; status < 600; status++) {
        if (stats->statuses[status] == 0)
            continue;
        stub_text_printf(out, "%s\"%d\":%llu", comma, status,
                         (unsigned long long)stats->statuses[status]);
        comma = ",";
    }
    stub_text_lit(out, "}");
}

static void get_stats(struct stub_s3 *s3,
                      const struct stub_request *request,
                      struct stub_response *response)
{
    (void)request;
    const struct stub_server_stats *stats = stub_server_stats(s3->server);
    struct stub_text *out = &response->body;
    stub_text_lit(out, "{");
    for (int op = 0; op < STUB_OP_COUNT; op++) {
        stub_text_printf(out, "\"%s_requests\":%llu,", stub_op_name((enum stub_op)op),
                         (unsigned long long)s3->op_counts[op]);
    }
    stub_text_printf(out,
                     "\"bytes\":%llu,\"connections\":%llu,\"open_connections\":%llu,"
                     "\"max_concurrent_gets\":%llu,\"max_concurrent_lists\":%llu,\"objects\":%llu,",
                     (unsigned long long)stats->bytes_sent, (unsigned long long)stats->connections,
                     (unsigned long long)stats->open,
                     (unsigned long long)stats->concurrent_max[STUB_KIND_GET],
                     (unsigned long long)stats->concurrent_max[STUB_KIND_LIST],
                     (unsigned long long)stub_bucket_count(&s3->bucket));
    put_statuses(out, stats);
    stub_text_lit(out, "}\n");
}

static void reset_stats(struct stub_s3 *s3,
                        const struct stub_request *request,
                        struct stub_response *response)
{
    (void)request;
    stub_server_reset_stats(s3->server);
    memset(s3->op_counts, 0, sizeof(s3->op_counts));
    s3->record.len = 0;
    s3->record_count = 0;
    stub_text_lit(&response->body, "{}\n");
}

static void get_requests(struct stub_s3 *s3,
                         const struct stub_request *request,
                         struct stub_response *response)
{
    (void)request;
    stub_text_lit(&response->body, "[");
    stub_text_add_str(&response->body, stub_text_str(&s3->record));
    stub_text_lit(&response->body, "]\n");
}

static void put_object(struct stub_s3 *s3,
                       const struct stub_request *request,
                       struct stub_response *response)
{
    struct stub_text key = {0};
    if (!stub_query_get(request->query, BKT_STR("key"), &key)) {
        wrong(response, "key is missing");
        return;
    }
    int64_t now_ms = (int64_t)stub_query_number(request->query, BKT_STR("modified_ms"),
                                                (uint64_t)stub_wall_ms());
    if (request->body.len > 0)
        stub_bucket_put(&s3->bucket, stub_text_str(&key), request->body, BKT_STR(""), now_ms);
    else
        stub_bucket_touch(&s3->bucket, stub_text_str(&key), now_ms);
    stub_text_lit(&response->body, "{}\n");
    stub_text_clear(&key);
}

static void delete_object(struct stub_s3 *s3,
                          const struct stub_request *request,
                          struct stub_response *response)
{
    struct stub_text key = {0};
    if (!stub_query_get(request->query, BKT_STR("key"), &key)) {
        wrong(response, "key is missing");
        return;
    }
    bool deleted = stub_bucket_delete(&s3->bucket, stub_text_str(&key));
    stub_text_printf(&response->body, "{\"deleted\":%s}\n", deleted ? "true" : "false");
    stub_text_clear(&key);
}

static bool has_word(struct bkt_str list, const char *word)
{
    return memmem(list.ptr, list.len, word, strlen(word)) != NULL;
}

static void touch_fraction(struct stub_s3 *s3,
                           const struct stub_request *request,
                           struct stub_response *response)
{
    struct stub_text text = {0};
    struct stub_touch touch = {.change = true};
    if (stub_query_get(request->query, BKT_STR("percent"), &text)) {
        stub_text_add(&text, "", 1);
        touch.percent = strtod(text.ptr, NULL);
    }
    touch.seed = stub_query_number(request->query, BKT_STR("seed"), 1);
    if (stub_query_get(request->query, BKT_STR("kinds"), &text)) {
        struct bkt_str kinds = stub_text_str(&text);
        touch.change = has_word(kinds, "change");
        touch.remove = has_word(kinds, "remove");
        touch.add = has_word(kinds, "add");
    }
    stub_text_clear(&text);
    struct stub_touched touched = stub_bucket_touch_fraction(&s3->bucket, &touch, stub_wall_ms());
    stub_text_printf(&response->body, "{\"changed\":%llu,\"removed\":%llu,\"added\":%llu}\n",
                     (unsigned long long)touched.changed, (unsigned long long)touched.removed,
                     (unsigned long long)touched.added);
}

static void set_latency(struct stub_s3 *s3,
                        const struct stub_request *request,
                        struct stub_response *response)
{
    struct bkt_str query = request->query;
    s3->get_us = stub_query_number(query, BKT_STR("get_ms"), s3->get_us / 1000) * 1000;
    s3->page_us = stub_query_number(query, BKT_STR("page_ms"), s3->page_us / 1000) * 1000;
    s3->jitter_percent = stub_query_number(query, BKT_STR("jitter"), s3->jitter_percent);
    stub_text_lit(&response->body, "{}\n");
}

static void add_fault(struct stub_s3 *s3,
                      const struct stub_request *request,
                      struct stub_response *response)
{
    struct stub_text message = {0};
    if (!stub_faults_add(&s3->faults, request->body, &message)) {
        response->status = 400;
        stub_text_lit(&response->body, "{\"error\":");
        stub_json_string(&response->body, stub_text_str(&message));
        stub_text_lit(&response->body, "}\n");
    } else {
        stub_text_lit(&response->body, "{}\n");
    }
    stub_text_clear(&message);
}

static void get_faults(struct stub_s3 *s3,
                       const struct stub_request *request,
                       struct stub_response *response)
{
    (void)request;
    stub_faults_print(&s3->faults, &response->body);
}

static void clear_faults(struct stub_s3 *s3,
                         const struct stub_request *request,
                         struct stub_response *response)
{
    (void)request;
    stub_faults_clear(&s3->faults);
    stub_text_lit(&response->body, "{}\n");
}

static const struct {
    const char *method;
    const char *path;
    void (*handle)(struct stub_s3 *, const struct stub_request *, struct stub_response *);
} commands[] = {
    {"GET", PATH "stats", get_stats},       {"POST", PATH "reset-stats", reset_stats},
    {"GET", PATH "requests", get_requests}, {"POST", PATH "put", put_object},
    {"POST", PATH "delete", delete_object}, {"POST", PATH "touch-fraction", touch_fraction},
    {"POST", PATH "latency", set_latency},  {"POST", PATH "fault", add_fault},
    {"GET", PATH "fault", get_faults},      {"POST", PATH "fault/clear", clear_faults},
};

void stub_control_handle(struct stub_s3 *s3,
                         const struct stub_request *request,
                         struct stub_response *response)
{
    stub_text_lit(&response->headers, "Content-Type: application/json\r\n");
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (bkt_str_eq(request->path, bkt_str_from(commands[i].path)) &&
            bkt_str_eq(request->method, bkt_str_from(commands[i].method))) {
            commands[i].handle(s3, request, response);
            return;
        }
    }
    response->status = 404;
    stub_text_lit(&response->body, "{\"error\":\"no such command\"}\n");
}
