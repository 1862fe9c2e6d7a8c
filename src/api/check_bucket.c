#include "api/check_int.h"

#include "api/service.h"
#include "core/escape.h"
#include "core/xml.h"
#include "s3/key.h"

#include <stdio.h>

enum {
    SKEW_NOTED_MS = 60 * 1000,
    READ_BYTES_MAX = 1 << 20, /* of an object, to see whether it may be read */
    KEY_SHOWN_BYTES = 256,
};

/* The text of the first element of that name; "" when there is none. */
static void read_text(struct bkt_str xml, const char *name, char *out, size_t size)
{
    struct bkt_xml reader;
    struct bkt_arena arena = {0};
    struct bkt_str text = {"", 0};
    enum bkt_xml_token token = BKT_XML_START;
    int rc = bkt_xml_begin(&reader, xml, NULL);
    while (rc == BKT_OK && token != BKT_XML_DONE) {
        rc = bkt_xml_next(&reader, &token, NULL);
        if (rc == BKT_OK && token == BKT_XML_START && bkt_str_eq(reader.name, bkt_str_from(name))) {
            rc = bkt_xml_text(&reader, &arena, &text, NULL);
            break;
        }
    }
    bkt_escape(rc == BKT_OK ? text : (struct bkt_str){"", 0}, out, size);
    bkt_arena_clear(&arena);
}

/* Region, clock, bucket: all from one answer. */

static void tell_region(struct bkt_check *check, const struct bkt_service_answer *answer)
{
    const char *used = bkt_s3_region(check->asker.bucket.s3);
    const char *real = answer->region[0] ? answer->region : answer->said.region;
    char fix[2 * BKT_REGION_BYTES + 64];
    if (real[0] == '\0' || strcmp(real, used) == 0) {
        check_tell(check, "region", BKT_CHECK_OK, NULL, "%s", used);
        return;
    }
    (void)snprintf(fix, sizeof(fix), "--region %s, or AWS_REGION=%s", real, real);
    check_tell(check, "region", BKT_CHECK_WARNING, fix,
               "the bucket is in %s, not in %s: it is found, by one request more each time", real,
               used);
}

static void tell_clock(struct bkt_check *check, const struct bkt_service_answer *answer)
{
    int64_t skew_ms = answer->skew_ms;
    if (!answer->has_date) {
        check_tell(check, "clock", BKT_CHECK_WARNING, NULL, "the server does not tell its time");
    } else if (skew_ms > SKEW_NOTED_MS || skew_ms < -SKEW_NOTED_MS) {
        check_tell(check, "clock", BKT_CHECK_WARNING, "timedatectl set-ntp true",
                   "this machine's clock is %lld s %s the server's; requests are signed by the "
                   "server's",
                   (long long)(skew_ms < 0 ? -skew_ms : skew_ms) / 1000,
                   skew_ms < 0 ? "ahead of" : "behind");
    } else {
        check_tell(check, "clock", BKT_CHECK_OK, NULL, "within %d s of the server's",
                   SKEW_NOTED_MS / 1000);
    }
}

static void tell_bucket(struct bkt_check *check, const struct bkt_service_answer *answer)
{
    const char *name = check->settings->bucket_name;
    char fix[CHECK_FIX_BYTES] = "";
    if (answer->class == BKT_S3ERROR_NO_SUCH_BUCKET) {
        (void)snprintf(fix, sizeof(fix), "aws s3 mb s3://%s --region %s", name,
                       bkt_s3_region(check->asker.bucket.s3));
        check_tell(check, "bucket", BKT_CHECK_WRONG, fix, "s3://%s: %s", name, answer->err.message);
    } else if (bkt_service_is_ok(answer) || answer->class == BKT_S3ERROR_WRONG_REGION ||
               strcmp(answer->said.code, "AccessDenied") == 0) {
        /* Where it is may be asked by few; whether it may be listed comes next. */
        check_tell(check, "bucket", BKT_CHECK_OK, NULL, "s3://%s answers", name);
    } else {
        check_tell(check, "bucket", BKT_CHECK_WRONG, NULL, "s3://%s: %s", name,
                   answer->err.message);
    }
}

static int reach(struct bkt_check *check, bool *out_is_reached, struct bkt_error *err)
{
    struct bkt_service bucket = {0};
    struct bkt_service_answer answer = {0};
    struct bkt_service_call call = {.method = "GET", .query = BKT_STR("location")};
    int rc = bkt_service_open_bucket(&bucket, &check->asker, err);
    if (rc == BKT_OK)
        rc = bkt_service_ask(&bucket, &call, &answer, err);
    if (rc == BKT_OK && answer.status == 0) {
        check_tell(
            check, "bucket", BKT_CHECK_WRONG,
            "check endpoint_url, and that nothing (proxy, firewall, no route) stands between",
            "reach s3://%s: %s", check->settings->bucket_name, answer.err.message);
    } else if (rc == BKT_OK) {
        tell_region(check, &answer);
        tell_clock(check, &answer);
        tell_bucket(check, &answer);
        *out_is_reached = answer.class != BKT_S3ERROR_NO_SUCH_BUCKET;
    } else if (!check_is_fatal(rc)) {
        check_tell(check, "bucket", BKT_CHECK_WRONG, NULL, "%s", err->message);
    }
    bkt_service_answer_clear(&answer);
    bkt_service_close(&bucket);
    return check_is_fatal(rc) ? rc : BKT_OK;
}

/* List and get. */

static void tell_list_failure(struct bkt_check *check, const struct bkt_error *err)
{
    char fix[CHECK_FIX_BYTES] = "";
    struct bkt_names names;
    bkt_names_find(check->settings, bkt_s3_region(check->asker.bucket.s3), BKT_STR(""), &names);
    if (err->http_status == 403) {
        check_statement(fix, "\"s3:ListBucket\"",
                        names.bucket_arn[0] ? names.bucket_arn : check->settings->bucket_name);
    }
    check_tell(check, "list", BKT_CHECK_WRONG, fix, "%s", err->message);
}

/* The smallest row of the page. */
static const struct bkt_object *choose_row(const struct bkt_check *check,
                                           const struct bkt_page *page,
                                           size_t *out_row_count)
{
    const struct bkt_object *chosen = NULL;
    *out_row_count = 0;
    for (size_t i = 0; i < page->object_count; i++) {
        const struct bkt_object *object = &page->objects[i];
        if (!bkt_filter_matches(check->asker.bucket.filter, object->key, object->size, NULL))
            continue;
        (*out_row_count)++;
        if (!chosen || object->size < chosen->size)
            chosen = object;
    }
    return chosen;
}

static void tell_list(struct bkt_check *check, const struct bkt_page *page, size_t row_count)
{
    const char *bucket = check->settings->bucket_name;
    const char *more = page->is_truncated ? " (more follow)" : "";
    char prefix[KEY_SHOWN_BYTES];
    bkt_escape(bkt_str_from(check->settings->prefix), prefix, sizeof(prefix));
    if (page->object_count == 0) {
        check_tell(check, "list", BKT_CHECK_WARNING, NULL, "s3://%s/%s: there is no object yet",
                   bucket, prefix);
    } else if (row_count == 0) {
        check_tell(check, "list", BKT_CHECK_WARNING, "see why with: bucketable explain SOURCE KEY",
                   "s3://%s/%s: none of the first %zu objects is a row%s", bucket, prefix,
                   page->object_count, more);
    } else {
        check_tell(check, "list", BKT_CHECK_OK, NULL,
                   "s3://%s/%s: %zu of the first %zu objects "
                   "are rows%s",
                   bucket, prefix, row_count, page->object_count, more);
    }
}

static void tell_get(struct bkt_check *check, struct bkt_str key, const struct bkt_asked *asked)
{
    char shown[KEY_SHOWN_BYTES];
    char fix[CHECK_FIX_BYTES] = "";
    bkt_escape(key, shown, sizeof(shown));
    if (asked->answer == BKT_S3_OBJECT || asked->answer == BKT_S3_STOPPED) {
        check_tell(check, "get", BKT_CHECK_OK, NULL, "%s was read", shown);
        return;
    }
    if (asked->answer != BKT_S3_FAILED) {
        check_tell(check, "get", BKT_CHECK_WARNING, NULL, "%s was deleted meanwhile", shown);
        return;
    }
    if (asked->err.http_status == 403) {
        struct bkt_names names;
        struct bkt_buf resource = BKT_BUF_INIT(CHECK_FIX_BYTES / 2);
        bkt_names_find(check->settings, bkt_s3_region(check->asker.bucket.s3), BKT_STR(""), &names);
        bool is_kms = strstr(asked->err.message, "kms") || strstr(asked->err.message, "KMS");
        if (bkt_names_append_objects(check->settings, &names, &resource) == BKT_OK) {
            check_statement(fix, is_kms ? "[\"s3:GetObject\",\"kms:Decrypt\"]" : "\"s3:GetObject\"",
                            resource.ptr);
        }
        bkt_buf_clear(&resource);
    }
    check_tell(check, "get", BKT_CHECK_WRONG, fix, "%s: %s", shown, asked->err.message);
}

static int get_one(struct bkt_check *check, const struct bkt_object *object, struct bkt_error *err)
{
    struct bkt_asked asked = {0};
    int rc = bkt_asker_object(&check->asker, object->key, READ_BYTES_MAX, &asked, err);
    if (rc == BKT_OK)
        tell_get(check, object->key, &asked);
    else if (!check_is_fatal(rc))
        check_tell(check, "get", BKT_CHECK_WRONG, NULL, "%s", err->message);
    bkt_asked_clear(&asked);
    return check_is_fatal(rc) ? rc : BKT_OK;
}

static int list_and_get(struct bkt_check *check, struct bkt_error *err)
{
    struct bkt_list_request request = {.prefix = bkt_str_from(check->settings->prefix)};
    struct bkt_s3_page *page = NULL;
    int rc = bkt_asker_page(&check->asker, &request, &page, err);
    if (check_is_fatal(rc))
        return rc;
    if (rc) {
        tell_list_failure(check, err);
        return BKT_OK;
    }
    size_t row_count;
    const struct bkt_object *chosen = choose_row(check, &page->page, &row_count);
    tell_list(check, &page->page, row_count);
    rc = chosen ? get_one(check, chosen, err) : BKT_OK;
    bkt_s3_page_free(page);
    return rc;
}

static int ask_versioning(struct bkt_check *check, struct bkt_error *err)
{
    struct bkt_service bucket = {0};
    struct bkt_service_answer answer = {0};
    struct bkt_service_call call = {.method = "GET", .query = BKT_STR("versioning")};
    int rc = bkt_service_open_bucket(&bucket, &check->asker, err);
    if (rc == BKT_OK)
        rc = bkt_service_ask(&bucket, &call, &answer, err);
    if (rc == BKT_OK && bkt_service_is_ok(&answer)) {
        char status[32];
        read_text(bkt_buf_str(&answer.body), "Status", status, sizeof(status));
        check_tell(check, "versioning", BKT_CHECK_OK, NULL, "%s",
                   strcmp(status, "Enabled") == 0
                       ? "on: the newest version is the row, a delete marker removes it"
                   : status[0] ? "suspended: the newest version is the row"
                               : "off");
    } else if (rc == BKT_OK) {
        check_tell(check, "versioning", BKT_CHECK_OK, NULL, "not known, and not needed: %s",
                   answer.err.message);
    }
    bkt_service_answer_clear(&answer);
    bkt_service_close(&bucket);
    return check_is_fatal(rc) ? rc : BKT_OK;
}

int check_bucket(struct bkt_check *check, bool *out_is_reached, struct bkt_error *err)
{
    int rc = reach(check, out_is_reached, err);
    if (rc || !*out_is_reached)
        return rc;
    rc = list_and_get(check, err);
    return rc ? rc : ask_versioning(check, err);
}

/* The round trip, only when it was asked for. */

#define TEST_TEXT "A test of bucketable; it may be deleted.\n"

static const struct {
    const char *method;
    const char *action;
} trip[] = {
    {"PUT", "\"s3:PutObject\""}, {"GET", "\"s3:GetObject\""}, {"DELETE", "\"s3:DeleteObject\""}};

static int trip_step(struct bkt_check *check,
                     struct bkt_service *bucket,
                     size_t step,
                     struct bkt_str path,
                     bool *out_went_well,
                     struct bkt_error *err)
{
    bool is_put = step == 0;
    struct bkt_service_answer answer = {0};
    struct bkt_service_call call = {
        .method = trip[step].method,
        .path = path,
        .body = is_put ? BKT_STR(TEST_TEXT) : BKT_STR(""),
        .content_type = is_put ? "text/plain" : NULL,
    };
    int rc = bkt_service_ask(bucket, &call, &answer, err);
    if (rc)
        return rc;
    *out_went_well = bkt_service_is_ok(&answer);
    if (!*out_went_well) {
        char fix[CHECK_FIX_BYTES] = "";
        struct bkt_names names;
        struct bkt_buf resource = BKT_BUF_INIT(CHECK_FIX_BYTES / 2);
        bkt_names_find(check->settings, bkt_s3_region(check->asker.bucket.s3), BKT_STR(""), &names);
        if (answer.status == 403 &&
            bkt_names_append_objects(check->settings, &names, &resource) == BKT_OK)
            check_statement(fix, trip[step].action, resource.ptr);
        check_tell(check, "write-test", BKT_CHECK_WRONG, fix, "%s s3://%s%.*s: %s",
                   trip[step].method, check->settings->bucket_name, BKT_STR_ARG(path),
                   answer.err.message);
        bkt_buf_clear(&resource);
    } else if (step == 1 && !bkt_str_eq(bkt_buf_str(&answer.body), BKT_STR(TEST_TEXT))) {
        *out_went_well = false;
        check_tell(check, "write-test", BKT_CHECK_WRONG, NULL,
                   "GET s3://%s%.*s: not what was put there", check->settings->bucket_name,
                   BKT_STR_ARG(path));
    }
    bkt_service_answer_clear(&answer);
    return BKT_OK;
}

int check_written(struct bkt_check *check, struct bkt_error *err)
{
    struct bkt_service bucket = {0};
    struct bkt_buf key = BKT_BUF_INIT(2048);
    struct bkt_buf path = BKT_BUF_INIT(8192);
    bool was_put = false;
    bool went_well = false;
    int rc = bkt_buf_printf(&key, "%s.bucketable-check-%lld", check->settings->prefix,
                            (long long)bkt_time_wall_ms());
    if (rc == BKT_OK)
        rc = bkt_buf_append_char(&path, '/');
    if (rc == BKT_OK)
        rc = bkt_key_encode_path(&path, bkt_buf_str(&key));
    if (rc)
        (void)bkt_error_set(err, rc, "write a test object: %s", bkt_error_text(rc));
    else
        rc = bkt_service_open_bucket(&bucket, &check->asker, err);
    if (rc == BKT_OK)
        rc = trip_step(check, &bucket, 0, bkt_buf_str(&path), &was_put, err);
    if (rc == BKT_OK && was_put) {
        bool was_deleted = false;
        rc = trip_step(check, &bucket, 1, bkt_buf_str(&path), &went_well, err);
        if (rc == BKT_OK)
            rc = trip_step(check, &bucket, 2, bkt_buf_str(&path), &was_deleted, err);
        if (rc == BKT_OK && went_well && was_deleted) {
            check_tell(check, "write-test", BKT_CHECK_OK, NULL,
                       "s3://%s%s was put, read and deleted", check->settings->bucket_name,
                       path.ptr);
        }
    }
    bkt_service_close(&bucket);
    bkt_buf_clear(&key);
    bkt_buf_clear(&path);
    return rc;
}
