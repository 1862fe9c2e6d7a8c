#include <bucketable/explain.h>

#include "api/look.h"
#include "core/escape.h"
#include "core/mem.h"
#include "core/time.h"
#include "table/rules.h"

#include <stdio.h>

enum { WHY_BYTES = 320, ERROR_BYTES_MAX = 4000 };

struct bkt_explain {
    struct bkt_look look;
    bool has_target;
    struct bkt_s3_page *page; /* the object lies in it */
    const struct bkt_object *object;
    struct bkt_error object_error;
    struct bkt_buf error;
    struct bkt_arena arena; /* what the explanation points to */
};

int bkt_explain_new(const struct bkt_config *config,
                    struct bkt_explain **out_explain,
                    struct bkt_error *err)
{
    const struct bkt_settings *settings = bkt_config_settings(config);
    struct bkt_explain *explain = bkt_mem_calloc(1, sizeof(*explain));
    if (!explain)
        return bkt_error_set(err, BKT_ENOMEM, "prepare an explanation: out of memory");
    explain->has_target = settings->url || settings->target_ops;
    unsigned parts = BKT_CONFIG_SOURCE | (explain->has_target ? BKT_CONFIG_TARGET : 0);
    int rc = bkt_config_check(config, parts, NULL, NULL, err);
    if (rc == BKT_OK)
        rc = bkt_look_open(&explain->look, config, err);
    if (rc) {
        bkt_explain_free(explain);
        return rc;
    }
    *out_explain = explain;
    return BKT_OK;
}

static void forget(struct bkt_explain *explain)
{
    bkt_s3_page_free(explain->page);
    explain->page = NULL;
    bkt_buf_clear(&explain->error);
    bkt_arena_clear(&explain->arena);
}

void bkt_explain_free(struct bkt_explain *explain)
{
    if (!explain)
        return;
    bkt_look_close(&explain->look);
    forget(explain);
    bkt_mem_free(explain);
}

void bkt_explain_stop(struct bkt_explain *explain)
{
    bkt_asker_stop(&explain->look.asker);
}

/* Texts of the explanation; NULL when memory is out. */

static const char *keep(struct bkt_explain *explain, struct bkt_str text)
{
    struct bkt_str copy;
    return bkt_arena_dup(&explain->arena, text, &copy) == BKT_OK ? copy.ptr : NULL;
}

static const char *keep_time(struct bkt_explain *explain, int64_t ms)
{
    char iso[BKT_TIME_ISO_BYTES] = "";
    if (ms != BKT_TIME_NONE)
        bkt_time_format_iso(ms, iso);
    return keep(explain, bkt_str_from(iso));
}

static int out_of_memory(struct bkt_error *err)
{
    return bkt_error_set(err, BKT_ENOMEM, "explain a key: out of memory");
}

/* The object. */

/* As a listing shows it, which is what a sync sees first. */
static int find_object(struct bkt_explain *explain,
                       struct bkt_str key,
                       struct bkt_explanation *out,
                       struct bkt_error *err)
{
    int rc = bkt_asker_find(&explain->look.asker, key, &explain->page, err);
    if (rc || explain->page->page.object_count == 0)
        return rc;
    explain->object = &explain->page->page.objects[0];
    out->has_object = bkt_str_eq(explain->object->key, key);
    if (!out->has_object)
        return BKT_OK;
    out->size = explain->object->size;
    out->etag = keep(explain, explain->object->etag);
    out->last_modified = keep_time(explain, explain->object->last_modified_ms);
    return out->etag && out->last_modified ? BKT_OK : out_of_memory(err);
}

/* May it be read?  The head of the answer will do. */
static int try_object(struct bkt_explain *explain, struct bkt_str key, struct bkt_error *err)
{
    struct bkt_asked asked;
    int rc = bkt_asker_object(&explain->look.asker, key, 0, &asked, err);
    if (rc)
        return rc;
    if (asked.answer == BKT_S3_FAILED) {
        rc = asked.err.code;
        if (err)
            *err = asked.err;
    }
    bkt_asked_clear(&asked);
    return rc;
}

static int ask_object(struct bkt_explain *explain,
                      struct bkt_str key,
                      struct bkt_explanation *out,
                      struct bkt_error *err)
{
    explain->object_error = (struct bkt_error){.code = BKT_OK};
    int rc = find_object(explain, key, out, &explain->object_error);
    if (rc == BKT_OK && out->has_object)
        rc = try_object(explain, key, &explain->object_error);
    if (rc == BKT_ENOMEM || rc == BKT_ECANCELED) {
        if (err)
            *err = explain->object_error;
        return rc;
    }
    out->object_error = rc ? explain->object_error.message : "";
    return BKT_OK;
}

/* The rules. */

static void say_excluded(struct bkt_str key,
                         const struct bkt_rule_answer *answer,
                         char why[WHY_BYTES])
{
    char shown[WHY_BYTES - 64];
    bkt_escape((struct bkt_str){key.ptr, answer->matched_len}, shown, sizeof(shown));
    if (answer->answer != BKT_ANSWER_STOPS) {
        (void)snprintf(why, WHY_BYTES, "it matches neither the key nor a directory of it");
    } else if (answer->matched_len == key.len) {
        (void)snprintf(why, WHY_BYTES, "it matches the key");
    } else {
        (void)snprintf(why, WHY_BYTES, "it matches the directory %s", shown);
    }
}

static void say_answer(const struct bkt_settings *settings,
                       struct bkt_str key,
                       const struct bkt_rule_answer *answer,
                       const struct bkt_explanation *about,
                       char why[WHY_BYTES])
{
    bool stops = answer->answer == BKT_ANSWER_STOPS;
    switch (answer->rule) {
    case BKT_RULE_ROW:
    case BKT_RULE_PREFIX:
        (void)snprintf(why, WHY_BYTES, "the key %s with it", stops ? "does not begin" : "begins");
        return;
    case BKT_RULE_DIRECTORY_MARKER:
        (void)snprintf(why, WHY_BYTES,
                       stops ? "a key that ends in / marks a directory"
                             : "the key does not end in /");
        return;
    case BKT_RULE_SIZE:
        if (settings->max_file_size == BKT_SIZE_NONE) {
            (void)snprintf(why, WHY_BYTES, "there is no limit");
        } else if (answer->answer == BKT_ANSWER_UNKNOWN) {
            (void)snprintf(why, WHY_BYTES, "there is no object to measure");
        } else {
            (void)snprintf(why, WHY_BYTES, "the object has %llu bytes",
                           (unsigned long long)about->size);
        }
        return;
    case BKT_RULE_NOT_INCLUDED:
        (void)snprintf(why, WHY_BYTES, "it %s the key",
                       answer->answer == BKT_ANSWER_PASSES ? "matches" : "does not match");
        return;
    case BKT_RULE_EXCLUDED:
        say_excluded(key, answer, why);
        return;
    }
}

static const char *rule_value(struct bkt_explain *explain, const struct bkt_rule_answer *answer)
{
    const struct bkt_settings *settings = explain->look.settings;
    char number[32] = "";
    switch (answer->rule) {
    case BKT_RULE_PREFIX:
        return settings->prefix;
    case BKT_RULE_SIZE:
        if (settings->max_file_size != BKT_SIZE_NONE) {
            (void)snprintf(number, sizeof(number), "%llu",
                           (unsigned long long)settings->max_file_size);
        }
        return keep(explain, bkt_str_from(number));
    case BKT_RULE_NOT_INCLUDED:
        return settings->included_patterns.items[answer->pattern];
    case BKT_RULE_EXCLUDED:
        return settings->excluded_patterns.items[answer->pattern];
    case BKT_RULE_ROW:
    case BKT_RULE_DIRECTORY_MARKER:
        break;
    }
    return "";
}

static int explain_rule(struct bkt_explain *explain,
                        struct bkt_str key,
                        const struct bkt_rule_answer *answer,
                        const struct bkt_explanation *about,
                        struct bkt_explained_rule *out)
{
    static const char *const names[] = {
        [BKT_RULE_ROW] = "",
        [BKT_RULE_PREFIX] = "prefix",
        [BKT_RULE_DIRECTORY_MARKER] = "directory_marker",
        [BKT_RULE_SIZE] = "max_file_size",
        [BKT_RULE_NOT_INCLUDED] = "included_patterns",
        [BKT_RULE_EXCLUDED] = "excluded_patterns",
    };
    static const enum bkt_explained_answer answers[] = {
        [BKT_ANSWER_PASSES] = BKT_EXPLAINED_PASSES,
        [BKT_ANSWER_STOPS] = BKT_EXPLAINED_STOPS,
        [BKT_ANSWER_NO_MATCH] = BKT_EXPLAINED_NO_MATCH,
        [BKT_ANSWER_UNKNOWN] = BKT_EXPLAINED_UNKNOWN,
    };
    char why[WHY_BYTES] = "";
    say_answer(explain->look.settings, key, answer, about, why);
    *out = (struct bkt_explained_rule){
        .rule = names[answer->rule],
        .value = rule_value(explain, answer),
        .why = keep(explain, bkt_str_from(why)),
        .answer = answers[answer->answer],
        .decides = answer->decides,
    };
    return out->value && out->why ? BKT_OK : BKT_ENOMEM;
}

static int ask_rules(struct bkt_explain *explain,
                     struct bkt_str key,
                     struct bkt_explanation *out,
                     struct bkt_error *err)
{
    struct bkt_filter_spec spec;
    int rc = bkt_bucket_filter_spec(explain->look.settings, &explain->arena, &spec, err);
    if (rc)
        return rc;
    size_t count = bkt_rules_count(&spec);
    struct bkt_rule_answer *answers = bkt_arena_alloc(&explain->arena, count * sizeof(*answers));
    struct bkt_explained_rule *rules = bkt_arena_alloc(&explain->arena, count * sizeof(*rules));
    if (!answers || !rules)
        return out_of_memory(err);
    enum bkt_rule verdict;
    rc = bkt_rules_ask(&spec, key, out->has_object ? &out->size : NULL, answers, &verdict, err);
    for (size_t i = 0; i < count && rc == BKT_OK; i++) {
        if (explain_rule(explain, key, &answers[i], out, &rules[i]))
            rc = out_of_memory(err);
    }
    out->rules = rules;
    out->rule_count = count;
    out->is_matched = verdict == BKT_RULE_ROW;
    return rc;
}

/* The table. */

struct finding {
    struct bkt_explain *explain;
    struct bkt_explanation *out;
};

static int on_state(void *ctx, const struct bkt_state_row *row, struct bkt_error *err)
{
    const struct finding *finding = ctx;
    struct bkt_explanation *out = finding->out;
    out->has_state = true;
    out->is_failed = row->flags & BKT_STATE_FAILED;
    out->is_deleted = !(row->flags & (BKT_STATE_FAILED | BKT_STATE_ROW));
    out->has_row = row->flags & BKT_STATE_ROW;
    out->state_revision = row->revision;
    out->state_size = row->size;
    out->state_etag = keep(finding->explain, row->etag);
    out->state_last_modified = keep_time(finding->explain, row->last_modified_ms);
    return out->state_etag && out->state_last_modified ? BKT_OK : out_of_memory(err);
}

static int find_row(const struct bkt_table_target *target,
                    struct bkt_str key,
                    struct bkt_explanation *out,
                    struct bkt_error *err)
{
    struct bkt_table_row row;
    int rc = target->ops->find_row(target->self, key, &row, &out->has_row, err);
    out->content_len = rc == BKT_OK && out->has_row ? row.content_len : 0;
    return rc;
}

static int ask_table(struct bkt_explain *explain,
                     struct bkt_str key,
                     struct bkt_explanation *out,
                     struct bkt_error *err)
{
    int rc = bkt_look_begin(&explain->look, err);
    if (rc)
        return rc;
    const struct bkt_table_target *target = &explain->look.target;
    out->has_table = !explain->look.attached.is_new;
    out->knows_rows = target->ops->find_row && out->has_table;
    if (!out->has_table)
        return BKT_OK;
    struct finding finding = {explain, out};
    struct bkt_scan scan = {.up_to = key, .has_up_to = true, .limit = 1};
    size_t count;
    if (bkt_span_before(&explain->arena, key, &scan.after))
        return out_of_memory(err);
    rc = target->ops->scan(target->self, &scan, on_state, &finding, &count, err);
    explain->error = BKT_BUF_INIT(ERROR_BYTES_MAX);
    if (rc == BKT_OK && target->ops->read_error)
        rc = target->ops->read_error(target->self, key, &explain->error, err);
    if (rc == BKT_OK && out->knows_rows)
        rc = find_row(target, key, out, err);
    if (explain->error.len > 0)
        out->state_error = explain->error.ptr;
    return rc;
}

/* What next. */

static int on_difference(void *ctx,
                         enum bkt_difference difference,
                         const struct bkt_object *object,
                         const struct bkt_state_row *row,
                         struct bkt_error *err)
{
    (void)object;
    (void)err;
    enum bkt_look_op *op = ctx;
    *op = bkt_look_op(difference, row);
    return BKT_OK;
}

static void say_next(struct bkt_explanation *out, enum bkt_look_op op)
{
    switch (op) {
    case BKT_LOOK_ADD:
        out->next = BKT_NEXT_ADD;
        out->next_why = out->is_failed ? "a sync reads the object again, which failed the last time"
                                       : "a sync reads the object and adds the row";
        return;
    case BKT_LOOK_UPDATE:
        out->next = BKT_NEXT_UPDATE;
        out->next_why = "a sync reads the object and writes the row anew";
        return;
    case BKT_LOOK_DELETE:
        out->next = BKT_NEXT_DELETE;
        out->next_why = out->has_object ? "a sync deletes the row, since a rule stops the key"
                                        : "a sync deletes the row, since there is no object";
        return;
    case BKT_LOOK_FAILED:
        out->next_why = "nothing until the object or the spec changes: no row can be made of it";
        return;
    case BKT_LOOK_NOTHING:
        break;
    }
    bool should_have_row = out->has_object && out->is_matched;
    if (out->knows_rows && should_have_row && !out->has_row) {
        out->next_why = "nothing, though the row is gone from the table: verify --repair mends it";
    } else if (out->knows_rows && !should_have_row && out->has_row) {
        out->next_why = "nothing, though somebody else made this row: verify --repair removes it";
    } else {
        out->next_why = should_have_row ? "nothing: the row is the object's"
                                        : "nothing: there is no row, and there should be none";
    }
}

static int find_next(struct bkt_explain *explain,
                     struct bkt_str key,
                     struct bkt_explanation *out,
                     struct bkt_error *err)
{
    enum bkt_look_op op = BKT_LOOK_NOTHING;
    if (out->object_error[0]) {
        out->next_why = "a sync that cannot read the object either records why, and tries again";
        return BKT_OK;
    }
    const struct bkt_look *look = &explain->look;
    int rc = BKT_OK;
    if (out->has_target) {
        rc = bkt_walk_key(key, out->has_object ? explain->object : NULL, &look->rules,
                          &look->target, on_difference, &op, err);
    } else if (out->has_object && out->is_matched) {
        op = BKT_LOOK_ADD;
    }
    if (rc == BKT_OK)
        say_next(out, op);
    return rc;
}

static int run_explain(struct bkt_explain *explain,
                       const char *key,
                       size_t key_len,
                       struct bkt_explanation *out_explanation,
                       struct bkt_error *err)
{
    if (key_len == 0)
        return bkt_error_set(err, BKT_ECONFIG, "explain a key: it is empty");
    forget(explain);
    struct bkt_str name = {key, key_len};
    struct bkt_explanation out = {
        .key = key,
        .key_len = key_len,
        .has_target = explain->has_target,
        .object_error = "",
        .etag = "",
        .last_modified = "",
        .state_etag = "",
        .state_last_modified = "",
        .state_error = "",
        .next_why = "",
    };
    int rc = BKT_OK;
    if (out.has_target)
        rc = ask_table(explain, name, &out, err);
    if (rc == BKT_OK)
        rc = ask_object(explain, name, &out, err);
    if (rc == BKT_OK)
        rc = ask_rules(explain, name, &out, err);
    if (rc == BKT_OK)
        rc = find_next(explain, name, &out, err);
    bkt_look_end(&explain->look);
    if (rc == BKT_OK)
        *out_explanation = out;
    return rc;
}

int bkt_explain_run(struct bkt_explain *explain,
                    const char *key,
                    size_t key_len,
                    struct bkt_explanation *out_explanation,
                    struct bkt_error *err)
{
    int rc = bkt_guard_enter(&explain->look.asker.guard, "bkt_explain_run()", err);
    if (rc)
        return rc;
    rc = run_explain(explain, key, key_len, out_explanation, err);
    bkt_guard_leave(&explain->look.asker.guard);
    return rc;
}
