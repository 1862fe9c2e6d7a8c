#include "aws/sigv4.h"

#include "aws/sigv4_canonical.h"
#include "core/mem.h"
#include "core/time.h"

#include <openssl/evp.h>

enum {
    HASH_BYTES = 32,
    HEX_LEN = BKT_SIGV4_HASH_BYTES - 1,
    BLOCK_BYTES = 64, /* of SHA-256; HMAC pads its key to it */
    DATE_BYTES = 8,   /* "20240301" of "20240301T100000Z" */
    STAMP_LEN = BKT_TIME_STAMP_BYTES - 1,
    SECRET_BYTES_MAX = 512,
    SCOPE_BYTES_MAX = DATE_BYTES + 2 * BKT_SIGV4_NAME_BYTES_MAX + 32,
};

#define ALGORITHM "AWS4-HMAC-SHA256"

struct bkt_sigv4 {
    EVP_MD *sha256; /* fetched once: an implicit fetch costs more than the hash */
    EVP_MD_CTX *work;
    EVP_MD_CTX *inner; /* HMAC with the derived key: after the inner pad ... */
    EVP_MD_CTX *outer; /* ... and after the outer one */

    /* What the derived key was made from. */
    struct bkt_buf secret;
    char scope[SCOPE_BYTES_MAX]; /* DATE/REGION/SERVICE/aws4_request */
    size_t scope_len;
    size_t region_len;
    size_t service_len;
    bool has_key;
    unsigned char key[HASH_BYTES];

    int64_t stamp_second; /* of `stamp`; formatting a time costs half a signature */
    char stamp[BKT_TIME_STAMP_BYTES];

    struct bkt_buf canonical;
    struct bkt_buf names; /* "host;x-amz-date" */
    char canonical_hash[BKT_SIGV4_HASH_BYTES];
};

static int fail_crypto(struct bkt_error *err)
{
    return bkt_error_set(err, BKT_ENOMEM, "sign a request: OpenSSL has no memory for SHA-256");
}

int bkt_sigv4_new(struct bkt_sigv4 **out_signer, struct bkt_error *err)
{
    struct bkt_sigv4 *signer = bkt_mem_calloc(1, sizeof(*signer));
    if (!signer)
        return bkt_error_set(err, BKT_ENOMEM, "make a signer: out of memory");

    signer->stamp_second = INT64_MIN;
    signer->secret = BKT_BUF_SECRET(SECRET_BYTES_MAX);
    signer->canonical = BKT_BUF_SECRET(BKT_SIGV4_CANONICAL_BYTES_MAX);
    signer->names = BKT_BUF_INIT((size_t)BKT_SIGV4_HEADERS_MAX * (BKT_SIGV4_NAME_BYTES_MAX + 1));
    signer->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    signer->work = EVP_MD_CTX_new();
    signer->inner = EVP_MD_CTX_new();
    signer->outer = EVP_MD_CTX_new();
    if (!signer->sha256 || !signer->work || !signer->inner || !signer->outer) {
        /* OpenSSL does not tell a provider that lacks it from one that found no memory to load. */
        int rc = signer->sha256 ? BKT_ENOMEM : BKT_EIO;
        const char *why = signer->sha256 ? "out of memory"
                                         : "OpenSSL gives no SHA-256: memory is out, or "
                                           "openssl.cnf names no provider that has it";
        bkt_sigv4_free(signer);
        return bkt_error_set(err, rc, "make a signer: %s", why);
    }
    *out_signer = signer;
    return BKT_OK;
}

void bkt_sigv4_free(struct bkt_sigv4 *signer)
{
    if (!signer)
        return;
    /* OpenSSL wipes the states of its contexts itself. */
    EVP_MD_CTX_free(signer->work);
    EVP_MD_CTX_free(signer->inner);
    EVP_MD_CTX_free(signer->outer);
    EVP_MD_free(signer->sha256);
    bkt_buf_wipe(&signer->secret);
    bkt_buf_wipe(&signer->canonical);
    bkt_buf_clear(&signer->names);
    bkt_mem_wipe(signer, sizeof(*signer));
    bkt_mem_free(signer);
}

static bool hash(struct bkt_sigv4 *signer, struct bkt_str bytes, unsigned char out[HASH_BYTES])
{
    return EVP_DigestInit_ex2(signer->work, signer->sha256, NULL) == 1 &&
           EVP_DigestUpdate(signer->work, bytes.ptr, bytes.len) == 1 &&
           EVP_DigestFinal_ex(signer->work, out, NULL) == 1;
}

int bkt_sigv4_hash(struct bkt_sigv4 *signer,
                   struct bkt_str body,
                   char out_hex[BKT_SIGV4_HASH_BYTES],
                   struct bkt_error *err)
{
    unsigned char digest[HASH_BYTES];
    if (!hash(signer, body, digest))
        return fail_crypto(err);
    bkt_hex(digest, HASH_BYTES, out_hex);
    return BKT_OK;
}

/* RFC 2104: the state of HMAC once the key has gone in. */
static bool hmac_begin(struct bkt_sigv4 *signer, struct bkt_str key)
{
    unsigned char short_key[HASH_BYTES];
    unsigned char inner[BLOCK_BYTES];
    unsigned char outer[BLOCK_BYTES];

    if (key.len > BLOCK_BYTES) {
        if (!hash(signer, key, short_key))
            return false;
        key = (struct bkt_str){(const char *)short_key, HASH_BYTES};
    }
    for (size_t i = 0; i < BLOCK_BYTES; i++) {
        unsigned char byte = i < key.len ? (unsigned char)key.ptr[i] : 0;
        inner[i] = byte ^ 0x36;
        outer[i] = byte ^ 0x5c;
    }
    bool ok = EVP_DigestInit_ex2(signer->inner, signer->sha256, NULL) == 1 &&
              EVP_DigestUpdate(signer->inner, inner, BLOCK_BYTES) == 1 &&
              EVP_DigestInit_ex2(signer->outer, signer->sha256, NULL) == 1 &&
              EVP_DigestUpdate(signer->outer, outer, BLOCK_BYTES) == 1;
    bkt_mem_wipe(short_key, sizeof(short_key));
    bkt_mem_wipe(inner, sizeof(inner));
    bkt_mem_wipe(outer, sizeof(outer));
    return ok;
}

static bool hmac(struct bkt_sigv4 *signer, struct bkt_str bytes, unsigned char out[HASH_BYTES])
{
    return EVP_MD_CTX_copy_ex(signer->work, signer->inner) == 1 &&
           EVP_DigestUpdate(signer->work, bytes.ptr, bytes.len) == 1 &&
           EVP_DigestFinal_ex(signer->work, out, NULL) == 1 &&
           EVP_MD_CTX_copy_ex(signer->work, signer->outer) == 1 &&
           EVP_DigestUpdate(signer->work, out, HASH_BYTES) == 1 &&
           EVP_DigestFinal_ex(signer->work, out, NULL) == 1;
}

/* Is the derived key that of this identity and day? */
static bool key_is_current(const struct bkt_sigv4 *signer,
                           const struct bkt_sigv4_identity *identity)
{
    const char *region = signer->scope + DATE_BYTES + 1;
    const char *service = region + signer->region_len + 1;
    return signer->has_key && memcmp(signer->scope, signer->stamp, DATE_BYTES) == 0 &&
           bkt_str_eq(identity->region, (struct bkt_str){region, signer->region_len}) &&
           bkt_str_eq(identity->service, (struct bkt_str){service, signer->service_len}) &&
           bkt_str_eq(identity->secret_access_key, bkt_buf_str(&signer->secret));
}

static void set_scope(struct bkt_sigv4 *signer, const struct bkt_sigv4_identity *identity)
{
    const struct bkt_str parts[] = {{signer->stamp, DATE_BYTES},
                                    BKT_STR("/"),
                                    identity->region,
                                    BKT_STR("/"),
                                    identity->service,
                                    BKT_STR("/aws4_request")};
    size_t len = 0;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (parts[i].len > 0)
            memcpy(signer->scope + len, parts[i].ptr, parts[i].len);
        len += parts[i].len;
    }
    signer->scope_len = len;
    signer->region_len = identity->region.len;
    signer->service_len = identity->service.len;
}

static int derive_key(struct bkt_sigv4 *signer,
                      const struct bkt_sigv4_identity *identity,
                      struct bkt_error *err)
{
    if (identity->region.len > BKT_SIGV4_NAME_BYTES_MAX ||
        identity->service.len > BKT_SIGV4_NAME_BYTES_MAX ||
        identity->secret_access_key.len > SECRET_BYTES_MAX)
        return bkt_error_set(err, BKT_ELIMIT, "sign a request: region, service or secret too long");

    signer->has_key = false;
    set_scope(signer, identity);
    bkt_buf_wipe(&signer->secret);
    /* In one piece: a buffer that grows leaves unwiped bytes behind. */
    int rc = bkt_buf_append(&signer->secret, identity->secret_access_key);
    if (rc)
        return bkt_error_set(err, rc, "sign a request: out of memory");

    char seed[4 + SECRET_BYTES_MAX] = {'A', 'W', 'S', '4'};
    if (signer->secret.len > 0)
        memcpy(seed + 4, signer->secret.ptr, signer->secret.len);
    struct bkt_str date = {signer->scope, DATE_BYTES};
    struct bkt_str key = {(const char *)signer->key, HASH_BYTES};

    bool ok = hmac_begin(signer, (struct bkt_str){seed, 4 + signer->secret.len}) &&
              hmac(signer, date, signer->key) && hmac_begin(signer, key) &&
              hmac(signer, identity->region, signer->key) && hmac_begin(signer, key) &&
              hmac(signer, identity->service, signer->key) && hmac_begin(signer, key) &&
              hmac(signer, BKT_STR("aws4_request"), signer->key) && hmac_begin(signer, key);
    bkt_mem_wipe(seed, sizeof(seed));
    if (!ok)
        return fail_crypto(err);
    signer->has_key = true;
    return BKT_OK;
}

static void set_stamp(struct bkt_sigv4 *signer, int64_t time_ms)
{
    int64_t second = time_ms / 1000 - (time_ms % 1000 < 0);
    if (second == signer->stamp_second)
        return;
    bkt_time_format_stamp(time_ms, signer->stamp);
    signer->stamp_second = second;
}

static bool sign_canonical(struct bkt_sigv4 *signer, char out_signature[BKT_SIGV4_HASH_BYTES])
{
    unsigned char digest[HASH_BYTES];
    if (!hash(signer, bkt_buf_str(&signer->canonical), digest))
        return false;
    bkt_hex(digest, HASH_BYTES, signer->canonical_hash);

    char text[sizeof(ALGORITHM) + BKT_TIME_STAMP_BYTES + SCOPE_BYTES_MAX + 1 + HEX_LEN];
    char *end = text;
    memcpy(end, ALGORITHM "\n", sizeof(ALGORITHM));
    end += sizeof(ALGORITHM);
    memcpy(end, signer->stamp, STAMP_LEN);
    end += STAMP_LEN;
    *end++ = '\n';
    memcpy(end, signer->scope, signer->scope_len);
    end += signer->scope_len;
    *end++ = '\n';
    memcpy(end, signer->canonical_hash, HEX_LEN);
    end += HEX_LEN;

    if (!hmac(signer, (struct bkt_str){text, (size_t)(end - text)}, digest))
        return false;
    bkt_hex(digest, HASH_BYTES, out_signature);
    return true;
}

int bkt_sigv4_sign(struct bkt_sigv4 *signer,
                   const struct bkt_sigv4_identity *identity,
                   const struct bkt_sigv4_request *request,
                   struct bkt_buf *authorization,
                   struct bkt_error *err)
{
    set_stamp(signer, request->time_ms);
    int rc = key_is_current(signer, identity) ? BKT_OK : derive_key(signer, identity, err);
    if (rc)
        return rc;
    bkt_buf_reset(&signer->canonical);
    bkt_buf_reset(&signer->names);
    rc = bkt_sigv4_canonical(request, &signer->canonical, &signer->names, err);
    if (rc)
        return rc;
    char signature[BKT_SIGV4_HASH_BYTES];
    if (!sign_canonical(signer, signature))
        return fail_crypto(err);

    const struct bkt_str parts[] = {BKT_STR(ALGORITHM " Credential="),
                                    identity->access_key_id,
                                    BKT_STR("/"),
                                    {signer->scope, signer->scope_len},
                                    BKT_STR(", SignedHeaders="),
                                    bkt_buf_str(&signer->names),
                                    BKT_STR(", Signature="),
                                    {signature, HEX_LEN}};
    size_t count = sizeof(parts) / sizeof(parts[0]);
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += parts[i].len;
    rc = bkt_buf_reserve(authorization, len);
    for (size_t i = 0; i < count && rc == BKT_OK; i++)
        rc = bkt_buf_append(authorization, parts[i]);
    return rc ? bkt_error_set(err, rc, "sign a request: no room for Authorization") : BKT_OK;
}

void bkt_sigv4_lines_clear(struct bkt_sigv4_lines *lines)
{
    bkt_buf_wipe(&lines->text);
    *lines = BKT_SIGV4_LINES_INIT;
}

/* "name: value" at the end of `text`; the line's place is kept as an offset until `text` is whole.
 */
static int append_line(struct bkt_sigv4_lines *lines, struct bkt_str name, struct bkt_str value)
{
    size_t begin = lines->text.len;
    int rc = bkt_buf_append(&lines->text, name);
    if (rc == BKT_OK)
        rc = bkt_buf_append(&lines->text, BKT_STR(": "));
    if (rc == BKT_OK)
        rc = bkt_buf_append(&lines->text, value);
    if (rc == BKT_OK)
        lines->lines[lines->count++] = (struct bkt_str){NULL, lines->text.len - begin};
    return rc;
}

static int append_lines(struct bkt_sigv4 *signer,
                        const struct bkt_sigv4_identity *identity,
                        const struct bkt_sigv4_request *request,
                        struct bkt_sigv4_lines *lines,
                        struct bkt_error *err)
{
    const struct bkt_sigv4_header added[] = {
        {BKT_STR("x-amz-content-sha256"), request->payload_hash},
        {BKT_STR("x-amz-date"), {signer->stamp, STAMP_LEN}},
        {BKT_STR("x-amz-security-token"), identity->session_token},
    };
    size_t added_count = identity->session_token.len > 0 ? 3 : 2;
    if (request->header_count > BKT_SIGV4_HEADERS_MAX - added_count) {
        return bkt_error_set(err, BKT_ELIMIT, "sign a request: more than %d headers",
                             (int)BKT_SIGV4_HEADERS_MAX);
    }

    struct bkt_sigv4_header headers[BKT_SIGV4_HEADERS_MAX];
    if (request->header_count > 0)
        memcpy(headers, request->headers, request->header_count * sizeof(headers[0]));
    memcpy(headers + request->header_count, added, added_count * sizeof(headers[0]));
    struct bkt_sigv4_request whole = *request;
    whole.headers = headers;
    whole.header_count += added_count;

    int rc = BKT_OK;
    for (size_t i = 0; i < added_count && rc == BKT_OK; i++)
        rc = append_line(lines, added[i].name, added[i].value);
    size_t begin = lines->text.len;
    if (rc == BKT_OK)
        rc = bkt_buf_append(&lines->text, BKT_STR("Authorization: "));
    if (rc)
        return bkt_error_set(err, rc, "sign a request: no room for its header lines");
    rc = bkt_sigv4_sign(signer, identity, &whole, &lines->text, err);
    if (rc == BKT_OK)
        lines->lines[lines->count++] = (struct bkt_str){NULL, lines->text.len - begin};
    return rc;
}

int bkt_sigv4_sign_lines(struct bkt_sigv4 *signer,
                         const struct bkt_sigv4_identity *identity,
                         const struct bkt_sigv4_request *request,
                         struct bkt_sigv4_lines *out_lines,
                         struct bkt_error *err)
{
    bkt_buf_reset(&out_lines->text);
    out_lines->count = 0;
    set_stamp(signer, request->time_ms);
    int rc = append_lines(signer, identity, request, out_lines, err);
    if (rc) {
        out_lines->count = 0;
        return rc;
    }
    const char *line = out_lines->text.ptr;
    for (size_t i = 0; i < out_lines->count; i++) {
        out_lines->lines[i].ptr = line;
        line += out_lines->lines[i].len;
    }
    return BKT_OK;
}

void bkt_sigv4_peek(const struct bkt_sigv4 *signer,
                    unsigned char out_key[BKT_SIGV4_KEY_BYTES],
                    char out_canonical_hash[BKT_SIGV4_HASH_BYTES])
{
    memcpy(out_key, signer->key, sizeof(signer->key));
    memcpy(out_canonical_hash, signer->canonical_hash, sizeof(signer->canonical_hash));
}
