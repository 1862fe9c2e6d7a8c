#include "events/queue_policy.h"

#include "core/json.h"
#include "core/json_write.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <strings.h>

enum { POLICY_DEPTH_MAX = 32 };

/* Writing. */

int bkt_policy_write_grant(const struct bkt_policy_grant *grant, struct bkt_buf *out)
{
    int rc = bkt_buf_append(out, BKT_STR("{\"Sid\":"));
    if (rc == BKT_OK)
        rc = bkt_json_append_string(out, grant->sid);
    if (rc == BKT_OK) {
        rc = bkt_buf_printf(out,
                            ",\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"%s\"},"
                            "\"Action\":\"%s\",\"Resource\":",
                            grant->service, grant->action);
    }
    if (rc == BKT_OK)
        rc = bkt_json_append_string(out, grant->resource);
    if (rc == BKT_OK)
        rc = bkt_buf_append(out, BKT_STR(",\"Condition\":{\"ArnLike\":{\"aws:SourceArn\":"));
    if (rc == BKT_OK)
        rc = bkt_json_append_string(out, grant->source_arn);
    if (rc == BKT_OK && grant->account.len > 0) {
        rc = bkt_buf_append(out, BKT_STR("},\"StringEquals\":{\"aws:SourceAccount\":"));
        if (rc == BKT_OK)
            rc = bkt_json_append_string(out, grant->account);
    }
    return rc ? rc : bkt_buf_append(out, BKT_STR("}}}"));
}

static int append_json(const struct cJSON *json, struct bkt_buf *out)
{
    char *text = cJSON_PrintUnformatted(json);
    if (!text)
        return BKT_ENOMEM;
    int rc = bkt_buf_append(out, bkt_str_from(text));
    free(text);
    return rc;
}

/* `Statement` may be one object in place of an array. */
static const struct cJSON *first_statement(const struct cJSON *policy)
{
    const struct cJSON *statements = bkt_json_get(policy, "Statement");
    return cJSON_IsArray(statements) ? statements->child : statements;
}

static const struct cJSON *next_statement(const struct cJSON *policy, const struct cJSON *statement)
{
    return cJSON_IsArray(bkt_json_get(policy, "Statement")) ? statement->next : NULL;
}

static bool has_sid(const struct cJSON *statement, struct bkt_str sid)
{
    struct bkt_str found;
    return bkt_json_get_string(statement, "Sid", &found) && bkt_str_eq(found, sid);
}

static int parse_policy(struct bkt_str policy, struct cJSON **out_json, struct bkt_error *err)
{
    struct bkt_str text = policy.len > 0 ? policy : BKT_STR("{}");
    int rc = bkt_json_parse(text, POLICY_DEPTH_MAX, out_json, err);
    if (rc)
        return bkt_error_wrap(err, rc, "read the policy");
    const struct cJSON *statements = bkt_json_get(*out_json, "Statement");
    bool is_policy = cJSON_IsObject(*out_json) &&
                     (!statements || cJSON_IsArray(statements) || cJSON_IsObject(statements));
    for (const struct cJSON *s = first_statement(*out_json); is_policy && s;
         s = next_statement(*out_json, s))
        is_policy = cJSON_IsObject(s);
    if (is_policy)
        return BKT_OK;
    bkt_json_free(*out_json);
    *out_json = NULL;
    return bkt_error_set(err, BKT_EPARSE, "read the policy: it is no policy document");
}

/* Everything but the statements; `Version` first, and the newest where there is none. */
static int append_head(const struct cJSON *policy, struct bkt_buf *out)
{
    int rc = bkt_buf_append_char(out, '{');
    if (rc == BKT_OK && !bkt_json_get(policy, "Version"))
        rc = bkt_buf_append(out, BKT_STR("\"Version\":\"2012-10-17\","));
    for (const struct cJSON *m = policy->child; m && rc == BKT_OK; m = m->next) {
        if (strcmp(m->string, "Statement") == 0)
            continue;
        rc = bkt_json_append_string(out, bkt_str_from(m->string));
        if (rc == BKT_OK)
            rc = bkt_buf_append_char(out, ':');
        if (rc == BKT_OK)
            rc = append_json(m, out);
        if (rc == BKT_OK)
            rc = bkt_buf_append_char(out, ',');
    }
    return rc ? rc : bkt_buf_append(out, BKT_STR("\"Statement\":["));
}

/* The statements but that of `sid`, in whose place (or at the end) `ours` comes unless empty. */
static int append_statements(const struct cJSON *policy,
                             struct bkt_str sid,
                             struct bkt_str ours,
                             struct bkt_buf *out)
{
    bool is_first = true;
    bool is_written = ours.len == 0;
    int rc = BKT_OK;
    for (const struct cJSON *s = first_statement(policy); s && rc == BKT_OK;
         s = next_statement(policy, s)) {
        bool is_ours = has_sid(s, sid);
        if (is_ours && is_written)
            continue;
        if (!is_first)
            rc = bkt_buf_append_char(out, ',');
        is_first = false;
        if (rc == BKT_OK)
            rc = is_ours ? bkt_buf_append(out, ours) : append_json(s, out);
        is_written = is_written || is_ours;
    }
    if (rc == BKT_OK && !is_written && !is_first)
        rc = bkt_buf_append_char(out, ',');
    if (rc == BKT_OK && !is_written)
        rc = bkt_buf_append(out, ours);
    return rc ? rc : bkt_buf_append(out, BKT_STR("]}"));
}

static int write_policy(const struct cJSON *policy,
                        struct bkt_str sid,
                        struct bkt_str ours,
                        struct bkt_buf *out,
                        struct bkt_error *err)
{
    int rc = append_head(policy, out);
    if (rc == BKT_OK)
        rc = append_statements(policy, sid, ours, out);
    return rc ? bkt_error_set(err, rc, "write the policy: %s", bkt_error_text(rc)) : BKT_OK;
}

/* Is the one statement of that Sid this very one? */
static bool is_there(const struct cJSON *policy, struct bkt_str sid, const struct cJSON *ours)
{
    size_t count = 0;
    bool is_same = false;
    for (const struct cJSON *s = first_statement(policy); s; s = next_statement(policy, s)) {
        if (!has_sid(s, sid))
            continue;
        count++;
        is_same = cJSON_Compare(s, ours, true);
    }
    return count == 1 && is_same;
}

int bkt_policy_add(struct bkt_str policy,
                   const struct bkt_policy_grant *grant,
                   struct bkt_buf *out,
                   bool *out_changed,
                   struct bkt_error *err)
{
    struct bkt_buf ours = BKT_BUF_INIT(BKT_POLICY_BYTES_MAX);
    struct cJSON *json = NULL;
    struct cJSON *statement = NULL;
    int rc = bkt_policy_write_grant(grant, &ours);
    if (rc) {
        (void)bkt_error_set(err, rc, "write the policy: %s", bkt_error_text(rc));
        goto done;
    }
    rc = parse_policy(policy, &json, err);
    if (rc == BKT_OK)
        rc = bkt_json_parse(bkt_buf_str(&ours), POLICY_DEPTH_MAX, &statement, err);
    if (rc == BKT_OK)
        rc = write_policy(json, grant->sid, bkt_buf_str(&ours), out, err);
    if (rc == BKT_OK)
        *out_changed = !is_there(json, grant->sid, statement);

done:
    bkt_buf_clear(&ours);
    bkt_json_free(json);
    bkt_json_free(statement);
    return rc;
}

int bkt_policy_remove(struct bkt_str policy,
                      struct bkt_str sid,
                      struct bkt_buf *out,
                      bool *out_changed,
                      struct bkt_error *err)
{
    struct cJSON *json = NULL;
    int rc = parse_policy(policy, &json, err);
    if (rc)
        return rc;
    size_t others = 0;
    size_t own = 0;
    for (const struct cJSON *s = first_statement(json); s; s = next_statement(json, s)) {
        if (has_sid(s, sid))
            own++;
        else
            others++;
    }
    if (others > 0)
        rc = write_policy(json, sid, BKT_STR(""), out, err);
    if (rc == BKT_OK)
        *out_changed = own > 0;
    bkt_json_free(json);
    return rc;
}

/* Reading. */

static bool same_char(char a, char b, bool fold)
{
    return a == b || (fold && strncasecmp(&a, &b, 1) == 0);
}

bool bkt_policy_like(const char *pattern, struct bkt_str text, bool fold)
{
    /* Where the last `*` was, and how much of the text it has taken so far. */
    const char *star = NULL;
    size_t taken = 0;
    size_t at = 0;
    while (at < text.len) {
        if (*pattern == '*') {
            star = ++pattern;
            taken = at;
        } else if (*pattern && (*pattern == '?' || same_char(*pattern, text.ptr[at], fold))) {
            pattern++;
            at++;
        } else if (star) {
            pattern = star;
            at = ++taken;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

/* A string, or an array of which one will do. */
static bool value_like(const struct cJSON *value, struct bkt_str text, bool fold)
{
    for (const struct cJSON *v = cJSON_IsArray(value) ? value->child : value; v; v = v->next) {
        if (cJSON_IsString(v) && bkt_policy_like(v->valuestring, text, fold))
            return true;
        if (v == value)
            break;
    }
    return false;
}

static bool is_principal(const struct cJSON *statement, const char *service)
{
    const struct cJSON *principal = bkt_json_get(statement, "Principal");
    if (cJSON_IsString(principal))
        return strcmp(principal->valuestring, "*") == 0;
    return value_like(bkt_json_get(principal, "Service"), bkt_str_from(service), false) ||
           value_like(bkt_json_get(principal, "AWS"), BKT_STR("*"), false);
}

static bool is_about(const struct cJSON *statement, const struct bkt_policy_grant *grant)
{
    return is_principal(statement, grant->service) &&
           value_like(bkt_json_get(statement, "Action"), bkt_str_from(grant->action), true) &&
           value_like(bkt_json_get(statement, "Resource"), grant->resource, false);
}

static enum bkt_policy_answer holds_one(const char *operator,
                                        const struct cJSON * condition,
                                        const struct bkt_policy_grant *grant)
{
    static const char *const equals[] = {"ArnLike", "ArnEquals", "StringLike", "StringEquals"};
    bool is_equality = false;
    for (size_t i = 0; i < sizeof(equals) / sizeof(equals[0]); i++)
        is_equality = is_equality || strcasecmp(operator, equals[i]) == 0;
    const char *key = condition->string;
    if (is_equality && strcasecmp(key, "aws:SourceArn") == 0)
        return value_like(condition, grant->source_arn, false) ? BKT_POLICY_YES : BKT_POLICY_NO;
    if (is_equality && strcasecmp(key, "aws:SourceAccount") == 0 && grant->account.len > 0)
        return value_like(condition, grant->account, false) ? BKT_POLICY_YES : BKT_POLICY_NO;
    if (strcasecmp(operator, "Bool") == 0 && strcasecmp(key, "aws:SecureTransport") == 0) {
        /* Services send over TLS. */
        bool wants = cJSON_IsTrue(condition) || value_like(condition, BKT_STR("true"), true);
        return wants ? BKT_POLICY_YES : BKT_POLICY_NO;
    }
    return BKT_POLICY_PERHAPS;
}

/* All conditions have to hold. */
static enum bkt_policy_answer holds(const struct cJSON *statement,
                                    const struct bkt_policy_grant *grant)
{
    enum bkt_policy_answer all = BKT_POLICY_YES;
    const struct cJSON *conditions = bkt_json_get(statement, "Condition");
    for (const struct cJSON *o = conditions ? conditions->child : NULL; o; o = o->next) {
        for (const struct cJSON *c = o->child; c; c = c->next) {
            enum bkt_policy_answer one =
                o->string && c->string ? holds_one(o->string, c, grant) : BKT_POLICY_PERHAPS;
            if (one == BKT_POLICY_NO)
                return BKT_POLICY_NO;
            if (one == BKT_POLICY_PERHAPS)
                all = BKT_POLICY_PERHAPS;
        }
    }
    return all;
}

int bkt_policy_allows(struct bkt_str policy,
                      const struct bkt_policy_grant *grant,
                      enum bkt_policy_answer *out_answer,
                      struct bkt_error *err)
{
    struct cJSON *json = NULL;
    int rc = parse_policy(policy, &json, err);
    if (rc)
        return rc;
    enum bkt_policy_answer allowed = BKT_POLICY_NO;
    enum bkt_policy_answer denied = BKT_POLICY_NO;
    for (const struct cJSON *s = first_statement(json); s; s = next_statement(json, s)) {
        struct bkt_str effect;
        if (!bkt_json_get_string(s, "Effect", &effect) || !is_about(s, grant))
            continue;
        bool is_allow = bkt_str_eq(effect, BKT_STR("Allow"));
        enum bkt_policy_answer *answer = is_allow ? &allowed : &denied;
        enum bkt_policy_answer one = holds(s, grant);
        if (one == BKT_POLICY_YES || *answer == BKT_POLICY_NO)
            *answer = one;
    }
    bkt_json_free(json);
    if (denied == BKT_POLICY_YES)
        allowed = BKT_POLICY_NO;
    else if (denied == BKT_POLICY_PERHAPS && allowed == BKT_POLICY_YES)
        allowed = BKT_POLICY_PERHAPS;
    *out_answer = allowed;
    return BKT_OK;
}

int bkt_policy_names(struct bkt_str policy,
                     const char *service,
                     const char *action,
                     bool *out_names,
                     struct bkt_error *err)
{
    struct cJSON *json = NULL;
    int rc = parse_policy(policy, &json, err);
    if (rc)
        return rc;
    bool names = false;
    for (const struct cJSON *s = first_statement(json); s && !names; s = next_statement(json, s)) {
        struct bkt_str effect;
        const struct cJSON *principal = bkt_json_get(s, "Principal");
        names = bkt_json_get_string(s, "Effect", &effect) && bkt_str_eq(effect, BKT_STR("Allow")) &&
                value_like(bkt_json_get(principal, "Service"), bkt_str_from(service), false) &&
                value_like(bkt_json_get(s, "Action"), bkt_str_from(action), true);
    }
    bkt_json_free(json);
    *out_names = names;
    return BKT_OK;
}
