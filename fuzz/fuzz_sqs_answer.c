/* One answer, read as that of every request and as an error. */
#include "core/mem.h"
#include "events/sqs_answer.h"
#include "events/sqs_error.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        __builtin_trap();
}

static void check_printable(const char *text, size_t size)
{
    check(memchr(text, '\0', size) != NULL);
    for (; *text != '\0'; text++)
        check((unsigned char)*text >= 0x20 && *text != 0x7F);
}

static void read_error(struct bkt_str answer)
{
    /* The first byte says how much of the rest is a header. */
    size_t header_len = answer.len > 0 ? (unsigned char)answer.ptr[0] % 64 : 0;
    if (header_len + 1 > answer.len)
        header_len = 0;
    const struct bkt_sqs_refusal refusals[] = {
        {.http_status = 400, .body = answer},
        {.http_status = 400,
         .error_type = {answer.ptr, header_len},
         .query_error = {answer.ptr, header_len},
         .body = {answer.ptr + header_len, answer.len - header_len}},
    };
    for (size_t i = 0; i < 2; i++) {
        struct bkt_sqs_error error;
        bkt_sqs_read_error(&refusals[i], &error);
        check_printable(error.code, sizeof(error.code));
        check_printable(error.message, sizeof(error.message));
        check(!strstr(error.message, "The Canonical String"));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bkt_str answer = {(const char *)data, size};
    struct bkt_error err;

    struct bkt_sqs_messages messages = {0};
    if (bkt_sqs_read_messages(answer, &messages, &err) == BKT_OK)
        check(messages.count <= BKT_SQS_BATCH_MAX);
    for (size_t i = 0; i < messages.count; i++)
        check(messages.messages[i].body.len <= size && messages.messages[i].receipt.ptr);
    bkt_sqs_messages_clear(&messages);

    struct bkt_sqs_batch_result result;
    if (bkt_sqs_read_batch(answer, BKT_SQS_BATCH_MAX, &result, &err) == BKT_OK) {
        check_printable(result.code, sizeof(result.code));
        check_printable(result.message, sizeof(result.message));
    }

    struct bkt_sqs_queue queue;
    if (bkt_sqs_read_queue(answer, &queue, &err) == BKT_OK)
        check(queue.visibility_s >= -1 && queue.message_count >= -1);

    read_error(answer);
    check(bkt_mem_live() == 0);
    return 0;
}
