#include "api/check_int.h"

#include "api/service.h"
#include "core/escape.h"
#include "core/mem.h"
#include "core/xml.h"

#include <stdarg.h>
#include <stdio.h>

int bkt_check_new(const struct bkt_config *config,
                  const struct bkt_check_options *options,
                  struct bkt_check **out_check,
                  struct bkt_error *err)
{
    const struct bkt_settings *settings = bkt_config_settings(config);
    bool has_target = settings->url || settings->target_ops;
    unsigned parts = BKT_CONFIG_SOURCE | (has_target ? BKT_CONFIG_TARGET : 0);
    int rc = bkt_config_check(config, parts, NULL, NULL, err);
    if (rc)
        return rc;
    struct bkt_check *check = bkt_mem_calloc(1, sizeof(*check));
    if (!check)
        return bkt_error_set(err, BKT_ENOMEM, "check: out of memory");
    check->config = config;
    check->settings = settings;
    check->options = *options;
    check->has_target = has_target;
    atomic_init(&check->asker.is_stopped, false);
    *out_check = check;
    return BKT_OK;
}

void bkt_check_free(struct bkt_check *check)
{
    if (!check)
        return;
    bkt_asker_close(&check->asker);
    bkt_mem_free(check);
}

void bkt_check_stop(struct bkt_check *check)
{
    bkt_asker_stop(&check->asker);
}

void check_tell(struct bkt_check *check,
                const char *name,
                enum bkt_check_result result,
                const char *fix,
                const char *fmt,
                ...)
{
    char detail[1536];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(detail, sizeof(detail), fmt, args);
    va_end(args);
    struct bkt_finding finding = {
        .check = name,
        .result = result,
        .detail = detail,
        .fix = fix && fix[0] ? fix : NULL,
    };
    uint64_t *count = result == BKT_CHECK_OK        ? &check->counts.ok
                      : result == BKT_CHECK_WARNING ? &check->counts.warnings
                                                    : &check->counts.wrong;
    (*count)++;
    check->options.told(check->options.ctx, &finding);
}

void check_statement(char out[CHECK_FIX_BYTES], const char *actions, const char *resource)
{
    (void)snprintf(out, CHECK_FIX_BYTES,
                   "allow it in the IAM policy: "
                   "{\"Effect\":\"Allow\",\"Action\":%s,\"Resource\":\"%s\"}",
                   actions, resource);
}

/* Credentials. */

/* Who STS says we are: the text of the first `Arn`; "" when the answer has none. */
static void read_identity(struct bkt_str xml, char *out, size_t size)
{
    struct bkt_xml reader;
    struct bkt_arena arena = {0};
    struct bkt_str arn = {"", 0};
    enum bkt_xml_token token = BKT_XML_START;
    out[0] = '\0';
    int rc = bkt_xml_begin(&reader, xml, NULL);
    while (rc == BKT_OK && token != BKT_XML_DONE) {
        rc = bkt_xml_next(&reader, &token, NULL);
        if (rc == BKT_OK && token == BKT_XML_START && bkt_str_eq(reader.name, BKT_STR("Arn"))) {
            rc = bkt_xml_text(&reader, &arena, &arn, NULL);
            break;
        }
    }
    if (rc == BKT_OK)
        bkt_escape(arn, out, size);
    bkt_arena_clear(&arena);
}

/* Who it is, as far as can be known: servers other than AWS rarely have this call. */
static int ask_identity(struct bkt_check *check,
                        char *out,
                        size_t size,
                        struct bkt_service_answer *answer,
                        bool *out_is_aws,
                        struct bkt_error *err)
{
    struct bkt_service sts = {0};
    struct bkt_service_call call = {
        .method = "POST",
        .body = BKT_STR("Action=GetCallerIdentity&Version=2011-06-15"),
        .content_type = "application/x-www-form-urlencoded; charset=utf-8",
    };
    out[0] = '\0';
    *answer = (struct bkt_service_answer){0};
    int rc = bkt_service_open_sts(&sts, &check->asker, err);
    if (rc == BKT_OK) {
        *out_is_aws = bkt_service_is_aws(&sts);
        rc = bkt_service_ask(&sts, &call, answer, err);
    }
    if (rc == BKT_OK && bkt_service_is_ok(answer))
        read_identity(bkt_buf_str(&answer->body), out, size);
    bkt_service_close(&sts);
    return rc;
}

static void tell_credentials(struct bkt_check *check,
                             const struct bkt_creds *creds,
                             const char *identity,
                             const struct bkt_service_answer *answer,
                             bool is_aws)
{
    char until[64] = "";
    char ends[BKT_TIME_ISO_BYTES];
    if (creds->expires_ms != BKT_TIME_NONE) {
        bkt_time_format_iso(creds->expires_ms, ends);
        (void)snprintf(until, sizeof(until), ", until %s", ends);
    }
    size_t id_len = strlen(creds->access_key_id);
    const char *id_end = creds->access_key_id + (id_len > 4 ? id_len - 4 : 0);
    if (identity[0]) {
        check_tell(check, "credentials", BKT_CHECK_OK, NULL, "from %s: %s%s", creds->source,
                   identity, until);
    } else if (!is_aws) {
        check_tell(
            check, "credentials", BKT_CHECK_OK, NULL,
            "from %s: an access key that ends in %s%s (this server does not say whose it is)",
            creds->source, id_end, until);
    } else {
        bool is_refused = answer->status > 0;
        check_tell(check, "credentials", is_refused ? BKT_CHECK_WRONG : BKT_CHECK_WARNING,
                   is_refused ? "get keys that are valid: aws configure, or aws sso login" : NULL,
                   "from %s: an access key that ends in %s%s; ask STS whose it is: %s",
                   creds->source, id_end, until, answer->err.message);
    }
}

int check_credentials(struct bkt_check *check, struct bkt_error *err)
{
    struct bkt_bucket *bucket = &check->asker.bucket;
    if (check->settings->no_sign_request) {
        check_tell(check, "credentials", BKT_CHECK_OK, NULL, "none: requests are not signed");
        return BKT_OK;
    }
    struct bkt_creds creds = {0};
    struct bkt_service_answer answer = {0};
    uint64_t generation = 0;
    char identity[512];
    bool is_aws = false;
    int rc = bkt_creds_cache_get(bucket->creds, BKT_CREDS_WAIT, &generation, &creds, err);
    if (rc == BKT_OK)
        rc = ask_identity(check, identity, sizeof(identity), &answer, &is_aws, err);
    if (rc == BKT_OK)
        tell_credentials(check, &creds, identity, &answer, is_aws);
    else if (!check_is_fatal(rc))
        check_tell(check, "credentials", BKT_CHECK_WRONG, NULL, "%s", err->message);
    bkt_service_answer_clear(&answer);
    bkt_creds_clear(&creds);
    return check_is_fatal(rc) ? rc : BKT_OK;
}

/* The whole. */

/* Nothing at AWS can be tried without the bucket's client; the target still can. */
static int open_bucket(struct bkt_check *check, bool *out_is_open, struct bkt_error *err)
{
    int rc = bkt_bucket_open(&check->asker.bucket, check->config, err);
    *out_is_open = rc == BKT_OK;
    if (rc == BKT_OK || rc == BKT_ECONFIG || check_is_fatal(rc))
        return rc;
    check_tell(check, "credentials", BKT_CHECK_WRONG,
               rc == BKT_ECREDS
                   ? "run aws configure, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
                   : NULL,
               "%s", err->message);
    return BKT_OK;
}

static int run(struct bkt_check *check, struct bkt_error *err)
{
    bool is_open;
    bool is_reached = false;
    int rc = open_bucket(check, &is_open, err);
    if (rc == BKT_OK && is_open)
        rc = check_credentials(check, err);
    if (rc == BKT_OK && is_open)
        rc = check_bucket(check, &is_reached, err);
    if (rc == BKT_OK && is_open && is_reached && check->options.write_test)
        rc = check_written(check, err);
    if (rc == BKT_OK && is_open)
        rc = check_queue(check, is_reached, err);
    if (rc == BKT_OK && is_open && is_reached && check->settings->minio_listen)
        rc = check_listen(check, err);
    if (rc == BKT_OK && check->has_target)
        rc = check_target(check, err);
    return rc;
}

static int run_check(struct bkt_check *check,
                     struct bkt_check_counts *out_counts,
                     struct bkt_error *err)
{
    struct bkt_error local = {0};
    check->counts = (struct bkt_check_counts){0};
    int rc = run(check, &local);
    bkt_bucket_close(&check->asker.bucket);
    *out_counts = check->counts;
    if (rc && err)
        *err = local;
    return rc;
}

int bkt_check_run(struct bkt_check *check,
                  struct bkt_check_counts *out_counts,
                  struct bkt_error *err)
{
    int rc = bkt_guard_enter(&check->asker.guard, "bkt_check_run()", err);
    if (rc)
        return rc;
    rc = run_check(check, out_counts, err);
    bkt_guard_leave(&check->asker.guard);
    return rc;
}
