#include "fault.h"

#include <stdlib.h>

enum { FILLER_LINE_BYTES = 1000 };

struct stub_rule {
    struct stub_rule *next;
    cJSON *json;
    unsigned id;
    uint64_t seen;
    uint64_t hits;
};

/* Members that a `match` and a `do` may have: a misspelled one would let a test pass for nothing.
 */
static const char *const match_names[] = {"op",    "key_prefix", "query",  "nth",
                                          "every", "count",      "percent"};
static const char *const do_names[] = {"status",
                                       "code",
                                       "message",
                                       "headers",
                                       "reset_after_bytes",
                                       "truncate_after_bytes",
                                       "stall_after_bytes",
                                       "ms",
                                       "drip_ms",
                                       "delay_ms",
                                       "html",
                                       "error_body_200",
                                       "wrong_content_length",
                                       "chunked",
                                       "garbage",
                                       "list_lie",
                                       "redirect",
                                       "region",
                                       "location",
                                       "skew_seconds",
                                       "headers_bytes",
                                       "endless_body",
                                       "status_100_first",
                                       "body",
                                       "empty_body",
                                       "close",
                                       "mutate"};

const char *stub_op_name(enum stub_op op)
{
    static const char *const names[] = {"other", "get", "head", "list", "put", "delete"};
    return names[op];
}

int64_t stub_fault_number(const cJSON *what, const char *name, int64_t otherwise)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(what, name);
    return cJSON_IsNumber(member) ? (int64_t)member->valuedouble : otherwise;
}

const char *stub_fault_text(const cJSON *what, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(what, name));
}

bool stub_fault_flag(const cJSON *what, const char *name)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(what, name));
}

static const char *unknown_member(const cJSON *object, const char *const *names, size_t count)
{
    const cJSON *member = NULL;
    cJSON_ArrayForEach(member, object)
    {
        size_t i = 0;
        while (i < count && strcmp(member->string, names[i]) != 0)
            i++;
        if (i == count)
            return member->string;
    }
    return NULL;
}

static bool check_lies(const cJSON *lie, struct stub_text *out_wrong)
{
    const cJSON *item = cJSON_IsArray(lie) ? lie->child : lie;
    for (; item != NULL; item = cJSON_IsArray(lie) ? item->next : NULL) {
        const char *name = cJSON_GetStringValue(item);
        if (name == NULL || stub_lie_parse(name) == 0) {
            stub_text_printf(out_wrong, "unknown list_lie: %s", name != NULL ? name : "(no text)");
            return false;
        }
    }
    return true;
}

static bool check_rule(const cJSON *rule, struct stub_text *out_wrong)
{
    const cJSON *match = cJSON_GetObjectItemCaseSensitive(rule, "match");
    const cJSON *what = cJSON_GetObjectItemCaseSensitive(rule, "do");
    if (!cJSON_IsObject(what) || (match != NULL && !cJSON_IsObject(match))) {
        stub_text_lit(out_wrong, "a rule is {\"match\": {...}, \"do\": {...}}");
        return false;
    }
    const char *unknown =
        unknown_member(match, match_names, sizeof(match_names) / sizeof(match_names[0]));
    if (unknown == NULL)
        unknown = unknown_member(what, do_names, sizeof(do_names) / sizeof(do_names[0]));
    if (unknown != NULL) {
        stub_text_printf(out_wrong, "unknown member: %s", unknown);
        return false;
    }
    return check_lies(cJSON_GetObjectItemCaseSensitive(what, "list_lie"), out_wrong);
}

static void rule_append(struct stub_faults *faults, cJSON *json)
{
    struct stub_rule *rule = stub_alloc(sizeof(*rule));
    struct stub_rule **last = &faults->first;
    while (*last != NULL)
        last = &(*last)->next;
    rule->json = json;
    rule->id = ++faults->next_id;
    *last = rule;
}

bool stub_faults_add(struct stub_faults *faults, struct bkt_str json, struct stub_text *out_wrong)
{
    cJSON *root = cJSON_ParseWithLength(json.ptr, json.len);
    if (root == NULL) {
        stub_text_lit(out_wrong, "the body is not JSON");
        return false;
    }
    cJSON *item = cJSON_IsArray(root) ? root->child : root;
    bool ok = true;
    for (cJSON *at = item; ok && at != NULL; at = cJSON_IsArray(root) ? at->next : NULL)
        ok = check_rule(at, out_wrong);
    if (ok && !cJSON_IsArray(root)) {
        rule_append(faults, root);
        return true;
    }
    while (ok && cJSON_GetArraySize(root) > 0)
        rule_append(faults, cJSON_DetachItemFromArray(root, 0));
    cJSON_Delete(root);
    return ok;
}

void stub_faults_clear(struct stub_faults *faults)
{
    while (faults->first != NULL) {
        struct stub_rule *rule = faults->first;
        faults->first = rule->next;
        cJSON_Delete(rule->json);
        free(rule);
    }
    faults->random = 0;
}

void stub_faults_print(const struct stub_faults *faults, struct stub_text *out)
{
    stub_text_lit(out, "[");
    for (const struct stub_rule *rule = faults->first; rule != NULL; rule = rule->next) {
        char *text = cJSON_PrintUnformatted(rule->json);
        stub_text_printf(out, "%s{\"id\":%u,\"seen\":%llu,\"hits\":%llu,\"rule\":%s}",
                         rule == faults->first ? "" : ",", rule->id, (unsigned long long)rule->seen,
                         (unsigned long long)rule->hits, text != NULL ? text : "null");
        cJSON_free(text);
    }
    stub_text_lit(out, "]\n");
}

static bool rule_concerns(const cJSON *match, const struct stub_target *target)
{
    const char *op = stub_fault_text(match, "op");
    const char *prefix = stub_fault_text(match, "key_prefix");
    const char *query = stub_fault_text(match, "query");
    if (op != NULL && strcmp(op, "any") != 0 && strcmp(op, stub_op_name(target->op)) != 0)
        return false;
    if (prefix != NULL && !bkt_str_has_prefix(target->key, bkt_str_from(prefix)))
        return false;
    return query == NULL || memmem(target->query.ptr, target->query.len, query, strlen(query));
}

/* Whether this one of the requests that a rule concerns is hit. */
static bool rule_hits(struct stub_faults *faults, const struct stub_rule *rule, const cJSON *match)
{
    uint64_t nth = (uint64_t)stub_fault_number(match, "nth", 0);
    uint64_t every = (uint64_t)stub_fault_number(match, "every", 0);
    uint64_t count = (uint64_t)stub_fault_number(match, "count", 0);
    if (count == 0)
        count = nth > 0 && every == 0 ? 1 : UINT64_MAX;
    if (rule->hits >= count || rule->seen < nth)
        return false;
    if (every > 0 && (rule->seen - nth) % every != 0)
        return false;
    uint64_t percent = (uint64_t)stub_fault_number(match, "percent", 100);
    return percent >= 100 || stub_mix(faults->random++) % 100 < percent;
}

const cJSON *stub_faults_match(struct stub_faults *faults, const struct stub_target *target)
{
    const cJSON *what = NULL;
    for (struct stub_rule *rule = faults->first; rule != NULL; rule = rule->next) {
        const cJSON *match = cJSON_GetObjectItemCaseSensitive(rule->json, "match");
        if (!rule_concerns(match, target))
            continue;
        rule->seen++;
        if (what == NULL && rule_hits(faults, rule, match)) {
            rule->hits++;
            what = cJSON_GetObjectItemCaseSensitive(rule->json, "do");
        }
    }
    return what;
}

unsigned stub_fault_lies(const cJSON *what)
{
    const cJSON *lie = cJSON_GetObjectItemCaseSensitive(what, "list_lie");
    unsigned lies = 0;
    if (cJSON_IsString(lie))
        return stub_lie_parse(lie->valuestring);
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, lie) lies |= stub_lie_parse(item->valuestring);
    return lies;
}

static void add_headers(const cJSON *what, struct stub_response *response)
{
    const cJSON *headers = cJSON_GetObjectItemCaseSensitive(what, "headers");
    const cJSON *header = NULL;
    cJSON_ArrayForEach(header, headers)
    {
        if (cJSON_IsString(header))
            stub_text_printf(&response->headers, "%s: %s\r\n", header->string, header->valuestring);
    }
    int64_t left = stub_fault_number(what, "headers_bytes", 0);
    for (int64_t line = 0; left > 0; line++) {
        size_t begin = response->headers.len;
        stub_text_printf(&response->headers, "x-amz-meta-filler-%lld: ", (long long)line);
        while (response->headers.len - begin < FILLER_LINE_BYTES - 2)
            stub_text_lit(&response->headers, "x");
        stub_text_lit(&response->headers, "\r\n");
        left -= FILLER_LINE_BYTES;
    }
}

static void replace_body(struct stub_response *response, const char *body, size_t len)
{
    response->content_from = response->content_to = 0;
    response->body.len = 0;
    stub_text_add(&response->body, body, len);
}

static void add_garbage(struct stub_response *response)
{
    replace_body(response, "\x16\x03\x01\x7f\xff", 5);
    for (uint64_t i = 0; i < 64; i++) {
        uint64_t bits = stub_mix(i);
        stub_text_add(&response->body, (const char *)&bits, sizeof(bits));
    }
    stub_text_lit(&response->body, "\r\n\r\n");
    response->raw = true;
}

void stub_fault_apply(const cJSON *what, struct stub_response *response)
{
    add_headers(what, response);
    const char *body = stub_fault_text(what, "body");
    if (body != NULL)
        replace_body(response, body, strlen(body));
    if (stub_fault_flag(what, "empty_body"))
        replace_body(response, "", 0);
    if (stub_fault_flag(what, "garbage"))
        add_garbage(response);
    response->reset_at = stub_fault_number(what, "reset_after_bytes", STUB_NEVER);
    response->reset_at_once =
        cJSON_HasObjectItem(what, "reset_after_bytes") && response->reset_at < 0;
    response->cut_at = stub_fault_number(what, "truncate_after_bytes", STUB_NEVER);
    response->stall_at = stub_fault_number(what, "stall_after_bytes", STUB_NEVER);
    response->stall_ms = stub_fault_number(what, "ms", 0);
    response->drip_ms = stub_fault_number(what, "drip_ms", 0);
    response->length_delta = stub_fault_number(what, "wrong_content_length", 0);
    response->chunked = stub_fault_flag(what, "chunked");
    response->endless = stub_fault_flag(what, "endless_body");
    response->status_100_first = stub_fault_flag(what, "status_100_first");
    response->close = response->close || stub_fault_flag(what, "close");
    if (cJSON_HasObjectItem(what, "delay_ms"))
        response->delay_us = stub_fault_number(what, "delay_ms", 0) * 1000;
}
