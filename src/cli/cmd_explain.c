#include "cli/cli.h"

#include <string.h>

static const char *const answer_words[] = {
    [BKT_EXPLAINED_PASSES] = "passes",
    [BKT_EXPLAINED_STOPS] = "stops",
    [BKT_EXPLAINED_NO_MATCH] = "no match",
    [BKT_EXPLAINED_UNKNOWN] = "unknown",
};

static const char *const next_words[] = {
    [BKT_NEXT_NOTHING] = "nothing",
    [BKT_NEXT_ADD] = "add",
    [BKT_NEXT_UPDATE] = "update",
    [BKT_NEXT_DELETE] = "delete",
};

static void print_escaped(const char *text, size_t len)
{
    (void)!bkt_text_escape(text, len, cli_write, stdout);
}

/* Text. */

static void print_rules(const struct bkt_explanation *e)
{
    for (size_t i = 0; i < e->rule_count; i++) {
        const struct bkt_explained_rule *rule = &e->rules[i];
        (void)printf("  %-8s  %s ", answer_words[rule->answer], rule->rule);
        if (rule->value[0]) {
            (void)putchar('"');
            print_escaped(rule->value, strlen(rule->value));
            (void)fputs("\" ", stdout);
        }
        (void)putchar('(');
        print_escaped(rule->why, strlen(rule->why));
        (void)printf(")%s\n", rule->decides ? "  <- decides" : "");
    }
}

static void print_facts(const char *label, uint64_t size, const char *etag, const char *time)
{
    (void)printf("%s%llu bytes", label, (unsigned long long)size);
    if (time[0])
        (void)printf(", of %s", time);
    if (etag[0]) {
        (void)fputs(", etag ", stdout);
        print_escaped(etag, strlen(etag));
    }
    (void)putchar('\n');
}

static void print_table(const struct bkt_explanation *e)
{
    if (!e->has_table) {
        (void)fputs("table   there is none yet\n", stdout);
        return;
    }
    if (e->knows_rows && e->has_row) {
        (void)printf("row     %llu bytes of content\n", (unsigned long long)e->content_len);
    } else if (e->knows_rows) {
        (void)fputs("row     none\n", stdout);
    }
    if (!e->has_state) {
        (void)fputs("state   none: the key was never seen\n", stdout);
        return;
    }
    (void)printf("state   revision %llu, ", (unsigned long long)e->state_revision);
    if (e->is_deleted) {
        (void)fputs("deleted\n", stdout);
    } else {
        print_facts("of an object of ", e->state_size, e->state_etag, e->state_last_modified);
    }
    if (e->state_error[0]) {
        (void)fputs("error   ", stdout);
        print_escaped(e->state_error, strlen(e->state_error));
        (void)putchar('\n');
    }
}

static void print_text(const struct bkt_explanation *e)
{
    (void)fputs("key     ", stdout);
    print_escaped(e->key, e->key_len);
    (void)putchar('\n');
    print_rules(e);
    if (e->object_error[0]) {
        (void)fputs("object  ", stdout);
        print_escaped(e->object_error, strlen(e->object_error));
        (void)putchar('\n');
    } else if (e->has_object) {
        print_facts("object  ", e->size, e->etag, e->last_modified);
    } else {
        (void)fputs("object  there is none in the bucket\n", stdout);
    }
    if (e->has_target)
        print_table(e);
    (void)printf("next    %s\n", e->next_why);
}

/* JSON. */

static void print_field(const char *before, const char *name, const char *text)
{
    (void)fputs(before, stdout);
    (void)!bkt_text_json(name, text, strlen(text), cli_write, stdout);
}

/* "" is null. */
static void print_optional(const char *before, const char *name, const char *text)
{
    if (text[0]) {
        print_field(before, name, text);
    } else {
        (void)printf("%s\"%s\":null", before, name);
    }
}

static const char *truth(bool is_true)
{
    return is_true ? "true" : "false";
}

static void print_json_rules(const struct bkt_explanation *e)
{
    (void)printf(",\"matches\":%s,\"rules\":[", truth(e->is_matched));
    for (size_t i = 0; i < e->rule_count; i++) {
        const struct bkt_explained_rule *rule = &e->rules[i];
        print_field(i > 0 ? ",{" : "{", "rule", rule->rule);
        print_optional(",", "value", rule->value);
        print_field(",", "answer", answer_words[rule->answer]);
        (void)printf(",\"decides\":%s", truth(rule->decides));
        print_field(",", "why", rule->why);
        (void)putchar('}');
    }
    (void)putchar(']');
}

static void print_json_table(const struct bkt_explanation *e)
{
    if (!e->has_table) {
        (void)fputs(",\"row\":null,\"state\":null", stdout);
        return;
    }
    if (e->knows_rows && e->has_row) {
        (void)printf(",\"row\":{\"content_bytes\":%llu}", (unsigned long long)e->content_len);
    } else {
        (void)fputs(",\"row\":null", stdout);
    }
    if (!e->has_state) {
        (void)fputs(",\"state\":null", stdout);
        return;
    }
    (void)printf(",\"state\":{\"revision\":%llu,\"deleted\":%s,\"failed\":%s,\"size\":%llu",
                 (unsigned long long)e->state_revision, truth(e->is_deleted), truth(e->is_failed),
                 (unsigned long long)e->state_size);
    print_optional(",", "etag", e->state_etag);
    print_optional(",", "last_modified", e->state_last_modified);
    print_optional(",", "error", e->state_error);
    (void)putchar('}');
}

static void print_json(const struct bkt_explanation *e)
{
    (void)putchar('{');
    (void)!bkt_text_json("filename", e->key, e->key_len, cli_write, stdout);
    print_json_rules(e);
    if (e->has_object) {
        (void)printf(",\"object\":{\"size\":%llu", (unsigned long long)e->size);
        print_optional(",", "etag", e->etag);
        print_optional(",", "last_modified", e->last_modified);
        (void)putchar('}');
    } else {
        (void)fputs(",\"object\":null", stdout);
    }
    print_optional(",", "object_error", e->object_error);
    if (e->has_target)
        print_json_table(e);
    print_field(",\"next\":{", "op", next_words[e->next]);
    print_field(",", "why", e->next_why);
    (void)fputs("}}\n", stdout);
}

static void stop(void *ctx)
{
    bkt_explain_stop(ctx);
}

int cli_explain(struct cli_args *args)
{
    const struct cli_globals *globals = &args->globals;
    struct bkt_error err = {.code = BKT_OK};
    struct bkt_explain *explain;
    if (bkt_explain_new(args->config, &explain, &err))
        return cli_fail(globals, &err);
    cli_signals_catch(stop, NULL, explain);
    struct bkt_explanation explanation;
    int rc = bkt_explain_run(explain, args->key, strlen(args->key), &explanation, &err);
    cli_signals_catch(NULL, NULL, NULL);
    if (rc == BKT_OK && globals->json) {
        print_json(&explanation);
    } else if (rc == BKT_OK) {
        print_text(&explanation);
    }
    bkt_explain_free(explain);
    int status = cli_flush(globals);
    return rc ? cli_fail(globals, &err) : status;
}
