/*
 * What SQS says when it does not do what was asked, and what that calls for; MinIO says the same of
 * its listen call.
 *
 * The error's name comes in a header, in the JSON, or in XML from servers without the JSON
 * protocol, by its name of the JSON protocol, of the query protocol, or both; from a proxy it does
 * not come at all, and the status has to do.
 *
 * Sources: SQS API Reference, "Common Error Types"; Smithy, "AWS JSON 1.0 protocol", operation
 * error serialization; AWS SDKs, retry behavior.
 */
#ifndef EVENTS_SQS_ERROR_H
#define EVENTS_SQS_ERROR_H

#include "core/str.h"

enum bkt_sqs_fault {
    BKT_SQS_FAULT_PERMANENT, /* the same request would fail again */
    BKT_SQS_FAULT_THROTTLED, /* later, and slower */
    BKT_SQS_FAULT_TRANSIENT, /* later */
    BKT_SQS_FAULT_NO_QUEUE,  /* also said of a queue made seconds ago */
    BKT_SQS_FAULT_DENIED,    /* permission, key or signature (which a wrong clock spoils too) */
    BKT_SQS_FAULT_EXPIRED,   /* get fresh credentials, then again */
    BKT_SQS_FAULT_SKEW,      /* correct the clock by the answer's Date, sign again */
};

struct bkt_sqs_error {
    enum bkt_sqs_fault fault;
    char code[96];     /* "QueueDoesNotExist"; "" when the answer names none */
    char message[512]; /* the server's first line, printable; may be "" */
};

/* An answer that is not 200, as far as it was read; missing headers are empty views. */
struct bkt_sqs_refusal {
    int http_status;
    struct bkt_str error_type;  /* x-amzn-errortype */
    struct bkt_str query_error; /* x-amzn-query-error */
    struct bkt_str body;        /* JSON, XML, HTML or nothing */
};
void bkt_sqs_read_error(const struct bkt_sqs_refusal *refusal, struct bkt_sqs_error *out_error);

/*
 * Parts of an answer made fit for messages; both end in a NUL.  A code:
 * "namespace#Code:https://..." and "Code;Sender" are Code.  A message: its first line, since a
 * refused signature is explained by the whole canonical request, session token included, in the
 * lines after it.
 */
void bkt_sqs_copy_code(char *out, size_t size, struct bkt_str code);
void bkt_sqs_copy_message(char *out, size_t size, struct bkt_str text);

/* The class of an error's name, of JSON or of the query protocol; by the status when not known. */
enum bkt_sqs_fault bkt_sqs_fault_of(const char *code, int http_status);

#endif
