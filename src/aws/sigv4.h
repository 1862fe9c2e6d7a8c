/*
 * AWS Signature Version 4 of a request, in the Authorization header.
 * (IAM User Guide, "Create a signed AWS API request"; Amazon S3 API Reference, "Authenticating
 * Requests: Using the Authorization Header".)
 *
 * A signer keeps what consecutive signatures have in common: the key derived from (secret, date,
 * region, service) and the state of HMAC after that key.  A change of any of them costs a few
 * microseconds, nothing else; so whoever talks to two services or regions has a signer for each.
 *
 * Threads: one struct bkt_sigv4 is used by one thread at a time.
 * Secrets: the signer holds a copy of the last secret; both it and the derived key are wiped when
 *          they are replaced and when the signer is freed.  No secret is part of any message.
 */
#ifndef AWS_SIGV4_H
#define AWS_SIGV4_H

#include "core/buf.h"

#include <bucketable/error.h>

struct bkt_sigv4;

enum {
    BKT_SIGV4_HEADERS_MAX = 32,    /* of one request, those the signer adds included */
    BKT_SIGV4_PARAMETERS_MAX = 64, /* of its query */
    BKT_SIGV4_NAME_BYTES_MAX = 64, /* region, service; a header's name */
    BKT_SIGV4_CANONICAL_BYTES_MAX = 64 << 10,
};

/* The payload hash of an empty body, and the one for a body that is not hashed (https only). */
#define BKT_SIGV4_EMPTY_HASH \
    BKT_STR("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
#define BKT_SIGV4_UNSIGNED BKT_STR("UNSIGNED-PAYLOAD")

enum bkt_sigv4_path {
    BKT_SIGV4_PATH_AS_SENT,    /* S3: the path is already encoded once, and that is all */
    BKT_SIGV4_PATH_NORMALIZED, /* the others: no `.`, `..`, `//`, then encoded once more */
};

struct bkt_sigv4_identity {
    struct bkt_str access_key_id;
    struct bkt_str secret_access_key;
    struct bkt_str session_token; /* empty: none; only bkt_sigv4_sign_lines() looks at it */
    struct bkt_str region;
    struct bkt_str service; /* "s3", "sqs", "sts" */
};

struct bkt_sigv4_header {
    struct bkt_str name;  /* in any case */
    struct bkt_str value; /* trimmed and folded by the signer */
};

struct bkt_sigv4_request {
    struct bkt_str method;
    struct bkt_str path;  /* percent-encoded as it is sent; empty is "/" */
    struct bkt_str query; /* percent-encoded as it is sent, without `?`, in any order */
    enum bkt_sigv4_path path_mode;
    const struct bkt_sigv4_header *headers; /* to be signed, in the order sent; `host` is a must */
    size_t header_count;
    struct bkt_str payload_hash; /* SHA-256 in lower-case hex, or BKT_SIGV4_UNSIGNED */
    int64_t time_ms;             /* wall time; the x-amz-date sent must be of the same second */
};

BKT_MUST_CHECK int bkt_sigv4_new(struct bkt_sigv4 **out_signer, struct bkt_error *err);

/* NULL is fine. */
void bkt_sigv4_free(struct bkt_sigv4 *signer);

/*
 * Append the value of the Authorization header.  What is signed is what `request` lists: adding
 * x-amz-date and the like is the caller's part.
 * BKT_ELIMIT: more headers or parameters, or longer names, than above, or `authorization` is full.
 */
BKT_MUST_CHECK int bkt_sigv4_sign(struct bkt_sigv4 *signer,
                                  const struct bkt_sigv4_identity *identity,
                                  const struct bkt_sigv4_request *request,
                                  struct bkt_buf *authorization,
                                  struct bkt_error *err);

enum { BKT_SIGV4_LINES_MAX = 4, BKT_SIGV4_LINES_BYTES_MAX = 16 << 10 };

/*
 * Header lines, "Name: value" without line ends.  `lines` are views of `text`.  Begin with
 * BKT_SIGV4_LINES_INIT; may be used for one request after another, which saves allocations.
 */
struct bkt_sigv4_lines {
    struct bkt_str lines[BKT_SIGV4_LINES_MAX];
    size_t count;
    struct bkt_buf text; /* holds the session token */
};

#define BKT_SIGV4_LINES_INIT ((struct bkt_sigv4_lines){.text = BKT_BUF_SECRET(BKT_SIGV4_LINES_BYTES_MAX)})

void bkt_sigv4_lines_clear(struct bkt_sigv4_lines *lines);

/*
 * Sign `request` and, besides its own headers, x-amz-date, x-amz-content-sha256 (S3 insists on it;
 * elsewhere it does no harm) and, where there is a token, x-amz-security-token.  `out_lines` are
 * these and Authorization: send them with the request's own headers.  On failure `out_lines` is
 * empty.
 */
BKT_MUST_CHECK int bkt_sigv4_sign_lines(struct bkt_sigv4 *signer,
                                        const struct bkt_sigv4_identity *identity,
                                        const struct bkt_sigv4_request *request,
                                        struct bkt_sigv4_lines *out_lines,
                                        struct bkt_error *err);

/* SHA-256 of a body in lower-case hex and a NUL; for struct bkt_sigv4_request.payload_hash. */
enum { BKT_SIGV4_HASH_BYTES = 65 };
BKT_MUST_CHECK int bkt_sigv4_hash(struct bkt_sigv4 *signer,
                                  struct bkt_str body,
                                  char out_hex[BKT_SIGV4_HASH_BYTES],
                                  struct bkt_error *err);

/*
 * For tests: the derived key of the last signature, and the hash of its canonical request in hex.
 */
enum { BKT_SIGV4_KEY_BYTES = 32 };
void bkt_sigv4_peek(const struct bkt_sigv4 *signer,
                    unsigned char out_key[BKT_SIGV4_KEY_BYTES],
                    char out_canonical_hash[BKT_SIGV4_HASH_BYTES]);

#endif
