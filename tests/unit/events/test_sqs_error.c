/*
 * Refusals of SQS, of ElasticMQ and moto where they differ, and of what is no SQS at all.
 */
#include "events/sqs_error.h"

#include "t_events.h"

static void errors_have_a_class(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int http_status;
        enum bkt_sqs_fault fault;
        const char *error_type;
        const char *query_error;
        const char *body;
        const char *code;
        const char *message;
    } cases[] = {
        {"SQS: no queue", 400, BKT_SQS_FAULT_NO_QUEUE, "",
         "AWS.SimpleQueueService.NonExistentQueue;Sender",
         "{\"__type\":\"com.amazonaws.sqs#QueueDoesNotExist\",\"message\":\"The specified queue "
         "does not exist.\"}",
         "QueueDoesNotExist", "The specified queue does not exist"},
        {"no queue, by the older name alone", 400, BKT_SQS_FAULT_NO_QUEUE, "",
         "AWS.SimpleQueueService.NonExistentQueue;Sender", "{}",
         "AWS.SimpleQueueService.NonExistentQueue", ""},
        {"no queue, by an unknown name and the older one", 400, BKT_SQS_FAULT_NO_QUEUE, "",
         "AWS.SimpleQueueService.NonExistentQueue;Sender", "{\"__type\":\"x#Novel\"}", "Novel", ""},
        {"ElasticMQ: no queue", 400, BKT_SQS_FAULT_NO_QUEUE, "",
         "com.amazonaws.sqs#QueueDoesNotExist",
         "{\"__type\":\"com.amazonaws.sqs#QueueDoesNotExist\",\"Message\":\"gone\"}",
         "QueueDoesNotExist", "gone"},
        {"by the header", 400, BKT_SQS_FAULT_DENIED,
         "AccessDeniedException:http://internal.amazon.com/coral/x/", "", "{\"Message\":\"no\"}",
         "AccessDeniedException", "no"},
        {"by `code`", 400, BKT_SQS_FAULT_EXPIRED, "", "", "{\"code\":\"ExpiredTokenException\"}",
         "ExpiredTokenException", ""},
        {"expired", 403, BKT_SQS_FAULT_EXPIRED, "", "",
         "{\"__type\":\"com.amazon.coral.service#ExpiredTokenException\"}", "ExpiredTokenException",
         ""},
        {"unknown key", 403, BKT_SQS_FAULT_DENIED, "", "",
         "{\"__type\":\"UnrecognizedClientException\"}", "UnrecognizedClientException", ""},
        {"throttled", 403, BKT_SQS_FAULT_THROTTLED, "", "",
         "{\"__type\":\"com.amazonaws.sqs#RequestThrottled\"}", "RequestThrottled", ""},
        {"in flight", 403, BKT_SQS_FAULT_THROTTLED, "", "",
         "{\"__type\":\"com.amazonaws.sqs#OverLimit\"}", "OverLimit", ""},
        {"KMS throttled", 400, BKT_SQS_FAULT_THROTTLED, "", "KMS.ThrottlingException;Sender",
         "{\"__type\":\"com.amazonaws.sqs#KmsThrottled\"}", "KmsThrottled", ""},
        {"a bad handle", 404, BKT_SQS_FAULT_PERMANENT, "", "",
         "{\"__type\":\"com.amazonaws.sqs#ReceiptHandleIsInvalid\"}", "ReceiptHandleIsInvalid", ""},
        {"skew", 403, BKT_SQS_FAULT_SKEW, "", "",
         "{\"__type\":\"InvalidSignatureException\",\"message\":\"Signature expired: "
         "20240301T100000Z is now earlier than 20240301T101000Z\"}",
         "InvalidSignatureException",
         "Signature expired: 20240301T100000Z is now earlier than 20240301T101000Z"},
        {"skew, by name", 400, BKT_SQS_FAULT_SKEW, "", "", "{\"__type\":\"RequestExpired\"}",
         "RequestExpired", ""},
        /* What follows the first line would repeat the session token. */
        {"a wrong signature", 403, BKT_SQS_FAULT_DENIED, "", "",
         "{\"__type\":\"InvalidSignatureException\",\"message\":\"It does not match.\\n\\nThe "
         "Canonical String for this request should have been\\n'x-amz-security-token:IQoJ'\"}",
         "InvalidSignatureException", "It does not match"},
        {"the same in one line", 403, BKT_SQS_FAULT_DENIED, "", "",
         "{\"__type\":\"SignatureDoesNotMatch\",\"message\":\"No. The Canonical String for this "
         "request should have been 'x-amz-security-token:IQoJ'\"}",
         "SignatureDoesNotMatch", "No. "},
        {"internal", 500, BKT_SQS_FAULT_TRANSIENT, "", "", "{\"__type\":\"InternalFailure\"}",
         "InternalFailure", ""},
        {"XML", 403, BKT_SQS_FAULT_DENIED, "", "",
         "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidClientTokenId</Code><Message>The "
         "token is invalid.</Message></Error></ErrorResponse>",
         "InvalidClientTokenId", "The token is invalid"},
        {"XML that ends early", 403, BKT_SQS_FAULT_DENIED, "", "", "<Error><Code>Inv", "", ""},
        {"a proxy's page", 502, BKT_SQS_FAULT_TRANSIENT, "", "",
         "<html><h1>Bad gateway</h1></html>", "", ""},
        {"moto: no such action", 500, BKT_SQS_FAULT_TRANSIENT, "", "",
         "<!doctype html><title>500</title>", "", ""},
        {"nothing", 503, BKT_SQS_FAULT_TRANSIENT, "", "", "", "", ""},
        {"slow down", 429, BKT_SQS_FAULT_THROTTLED, "", "", "", "", ""},
        {"forbidden", 403, BKT_SQS_FAULT_DENIED, "", "", "", "", ""},
        {"not implemented", 501, BKT_SQS_FAULT_PERMANENT, "", "", "", "", ""},
        {"not found", 404, BKT_SQS_FAULT_PERMANENT, "", "", "nginx", "", ""},
        {"control characters", 400, BKT_SQS_FAULT_PERMANENT, "", "",
         "{\"__type\":\"a\\u001bb\",\"message\":\"c\\u0007d\"}", "a?b", "c?d"},
        {"JSON of another kind", 400, BKT_SQS_FAULT_PERMANENT, "", "",
         "[{\"__type\":\"RequestThrottled\"}]", "", ""},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s\n", cases[i].name);
        const struct bkt_sqs_refusal refusal = {
            .http_status = cases[i].http_status,
            .error_type = bkt_str_from(cases[i].error_type),
            .query_error = bkt_str_from(cases[i].query_error),
            .body = bkt_str_from(cases[i].body),
        };
        struct bkt_sqs_error error;
        bkt_sqs_read_error(&refusal, &error);
        assert_int_equal(error.fault, cases[i].fault);
        assert_string_equal(error.code, cases[i].code);
        assert_string_equal(error.message, cases[i].message);
        assert_int_equal(bkt_mem_live(), 0);
    }
}

static void the_status_is_enough_without_memory(void **state)
{
    (void)state;
    const struct bkt_sqs_refusal refusal = {.http_status = 503, .body = BKT_STR("{\"a\":1}")};
    struct bkt_sqs_error error;
    bkt_mem_fail_at(0);
    bkt_sqs_read_error(&refusal, &error);
    assert_true(bkt_mem_failed());
    bkt_mem_fail_at(-1);
    assert_int_equal(error.fault, BKT_SQS_FAULT_TRANSIENT);
    assert_int_equal(bkt_mem_live(), 0);
}

static void long_words_are_cut(void **state)
{
    (void)state;
    static char text[5000];
    memset(text, 'x', sizeof(text));
    struct bkt_sqs_error error;
    const struct bkt_sqs_refusal refusal = {.http_status = 400,
                                            .error_type = {text, sizeof(text)},
                                            .body = BKT_STR("<Message>gone</Message>")};
    bkt_sqs_read_error(&refusal, &error);
    assert_int_equal(strlen(error.code), sizeof(error.code) - 1);
    assert_string_equal(error.message, "gone");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_have_a_class),
        cmocka_unit_test(the_status_is_enough_without_memory),
        cmocka_unit_test(long_words_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
