#include "sigcheck.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <strings.h>

enum { PAIRS_MAX = 64 };

struct authorization {
    struct bkt_str credential;
    struct bkt_str signed_headers;
    struct bkt_str signature;
    struct bkt_str key_id; /* the five parts of the credential */
    struct bkt_str date;
    struct bkt_str region;
    struct bkt_str service;
    struct bkt_str scope; /* date/region/service/aws4_request */
};

/* Up to `stop`, which is taken away too; all of it when there is none. */
static struct bkt_str take_until(struct bkt_str *text, char stop)
{
    const char *at = text->len > 0 ? memchr(text->ptr, stop, text->len) : NULL;
    struct bkt_str part = {text->ptr, at != NULL ? (size_t)(at - text->ptr) : text->len};
    size_t used = part.len + (at != NULL ? 1 : 0);
    text->ptr += used;
    text->len -= used;
    return part;
}

static bool read_authorization(struct bkt_str header, struct authorization *auth)
{
    static const struct bkt_str scheme = {"AWS4-HMAC-SHA256 ", 17};
    if (!bkt_str_has_prefix(header, scheme))
        return false;
    header.ptr += scheme.len;
    header.len -= scheme.len;
    while (header.len > 0) {
        struct bkt_str part = take_until(&header, ',');
        while (part.len > 0 && part.ptr[0] == ' ') {
            part.ptr++;
            part.len--;
        }
        struct bkt_str name = take_until(&part, '=');
        if (bkt_str_eq(name, BKT_STR("Credential")))
            auth->credential = part;
        else if (bkt_str_eq(name, BKT_STR("SignedHeaders")))
            auth->signed_headers = part;
        else if (bkt_str_eq(name, BKT_STR("Signature")))
            auth->signature = part;
    }
    struct bkt_str rest = auth->credential;
    auth->key_id = take_until(&rest, '/');
    auth->scope = rest;
    auth->date = take_until(&rest, '/');
    auth->region = take_until(&rest, '/');
    auth->service = take_until(&rest, '/');
    return bkt_str_eq(rest, BKT_STR("aws4_request")) && auth->signed_headers.len > 0 &&
           auth->signature.len == 64;
}

/* Everything but the unreserved characters becomes %XX. */
static void canonical_encode(struct stub_text *out, struct bkt_str in, bool keep_slash)
{
    for (size_t i = 0; i < in.len; i++) {
        unsigned char c = (unsigned char)in.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '_' || c == '.' || c == '~' || (keep_slash && c == '/');
        if (plain)
            stub_text_add(out, in.ptr + i, 1);
        else
            stub_text_printf(out, "%%%02X", (unsigned)c);
    }
}

struct pair {
    struct stub_text name;
    struct stub_text value;
};

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *left = a;
    const struct pair *right = b;
    int order = bkt_str_cmp(stub_text_str(&left->name), stub_text_str(&right->name));
    if (order != 0)
        return order;
    return bkt_str_cmp(stub_text_str(&left->value), stub_text_str(&right->value));
}

static void recode(struct stub_text *out, struct bkt_str in)
{
    struct stub_text plain = {0};
    stub_percent_decode(&plain, in, false);
    canonical_encode(out, stub_text_str(&plain), false);
    stub_text_clear(&plain);
}

static void canonical_query(struct stub_text *out, struct bkt_str query)
{
    struct pair pairs[PAIRS_MAX] = {0};
    size_t count = 0;
    while (query.len > 0 && count < PAIRS_MAX) {
        struct bkt_str part = take_until(&query, '&');
        struct bkt_str name = take_until(&part, '=');
        recode(&pairs[count].name, name);
        recode(&pairs[count].value, part);
        count++;
    }
    qsort(pairs, count, sizeof(pairs[0]), compare_pairs);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            stub_text_lit(out, "&");
        stub_text_add_str(out, stub_text_str(&pairs[i].name));
        stub_text_lit(out, "=");
        stub_text_add_str(out, stub_text_str(&pairs[i].value));
        stub_text_clear(&pairs[i].name);
        stub_text_clear(&pairs[i].value);
    }
}

/* Runs of spaces count as one, values of the same name are joined in the order they came. */
static void canonical_header(struct stub_text *out,
                             const struct stub_request *request,
                             struct bkt_str name)
{
    stub_text_add_str(out, name);
    stub_text_lit(out, ":");
    bool first = true;
    for (size_t i = 0; i < request->header_count; i++) {
        const struct stub_header *header = &request->headers[i];
        if (header->name.len != name.len || strncasecmp(header->name.ptr, name.ptr, name.len) != 0)
            continue;
        if (!first)
            stub_text_lit(out, ",");
        first = false;
        for (size_t j = 0; j < header->value.len; j++) {
            if (j == 0 || header->value.ptr[j] != ' ' || header->value.ptr[j - 1] != ' ')
                stub_text_add(out, header->value.ptr + j, 1);
        }
    }
    stub_text_lit(out, "\n");
}

static void add_hex_hash(struct stub_text *out, struct bkt_str bytes)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)bytes.ptr, bytes.len, digest);
    for (size_t i = 0; i < sizeof(digest); i++)
        stub_text_printf(out, "%02x", (unsigned)digest[i]);
}

static void canonical_request(struct stub_text *out,
                              const struct stub_request *request,
                              const struct authorization *auth,
                              struct bkt_str payload)
{
    struct stub_text path = {0};
    stub_percent_decode(&path, request->path, false);
    stub_text_add_str(out, request->method);
    stub_text_lit(out, "\n");
    canonical_encode(out, stub_text_str(&path), true);
    stub_text_lit(out, "\n");
    canonical_query(out, request->query);
    stub_text_lit(out, "\n");
    struct bkt_str names = auth->signed_headers;
    while (names.len > 0)
        canonical_header(out, request, take_until(&names, ';'));
    stub_text_lit(out, "\n");
    stub_text_add_str(out, auth->signed_headers);
    stub_text_lit(out, "\n");
    stub_text_add_str(out, payload);
    stub_text_clear(&path);
}

static void hmac(unsigned char key[SHA256_DIGEST_LENGTH], struct bkt_str message)
{
    unsigned char out[SHA256_DIGEST_LENGTH];
    HMAC(EVP_sha256(), key, SHA256_DIGEST_LENGTH, (const unsigned char *)message.ptr, message.len,
         out, NULL);
    memcpy(key, out, sizeof(out));
}

static bool signature_holds(const struct stub_sigcheck *check,
                            const struct authorization *auth,
                            struct bkt_str to_sign)
{
    struct stub_text secret = {0};
    unsigned char key[SHA256_DIGEST_LENGTH];
    stub_text_printf(&secret, "AWS4%s", check->secret);
    HMAC(EVP_sha256(), secret.ptr, (int)secret.len, (const unsigned char *)auth->date.ptr,
         auth->date.len, key, NULL);
    hmac(key, auth->region);
    hmac(key, auth->service);
    hmac(key, BKT_STR("aws4_request"));
    hmac(key, to_sign);
    stub_text_clear(&secret);

    struct stub_text hex = {0};
    for (size_t i = 0; i < sizeof(key); i++)
        stub_text_printf(&hex, "%02x", (unsigned)key[i]);
    bool holds = bkt_str_eq(stub_text_str(&hex), auth->signature);
    stub_text_clear(&hex);
    return holds;
}

static bool is_signed(struct bkt_str names, struct bkt_str name)
{
    while (names.len > 0) {
        if (bkt_str_eq(take_until(&names, ';'), name))
            return true;
    }
    return false;
}

/* S3 wants the host and every x-amz-* header to be part of the signature. */
static bool signs_enough(const struct stub_request *request, const struct authorization *auth)
{
    if (!is_signed(auth->signed_headers, BKT_STR("host")))
        return false;
    for (size_t i = 0; i < request->header_count; i++) {
        struct bkt_str name = request->headers[i].name;
        char lower[128];
        if (name.len >= sizeof(lower) || name.len < 6 || strncasecmp(name.ptr, "x-amz-", 6) != 0)
            continue;
        for (size_t j = 0; j < name.len; j++) {
            char c = name.ptr[j];
            lower[j] = (char)(c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c);
        }
        if (!is_signed(auth->signed_headers, (struct bkt_str){lower, name.len}))
            return false;
    }
    return true;
}

const char *stub_sigcheck_verify(const struct stub_sigcheck *check,
                                 const struct stub_request *request)
{
    struct authorization auth = {0};
    if (check->key_id == NULL)
        return NULL;
    struct bkt_str header = stub_request_header(request, BKT_STR("authorization"));
    struct bkt_str stamp = stub_request_header(request, BKT_STR("x-amz-date"));
    struct bkt_str payload = stub_request_header(request, BKT_STR("x-amz-content-sha256"));
    if (header.len == 0)
        return "AccessDenied";
    if (!read_authorization(header, &auth) || payload.len == 0 || stamp.len != 16)
        return "AuthorizationHeaderMalformed";
    if (!bkt_str_eq(auth.key_id, bkt_str_from(check->key_id)))
        return "InvalidAccessKeyId";
    if (check->region != NULL && !bkt_str_eq(auth.region, bkt_str_from(check->region)))
        return "AuthorizationHeaderMalformed";
    if (!bkt_str_eq(auth.date, (struct bkt_str){stamp.ptr, 8}))
        return "SignatureDoesNotMatch";

    struct stub_text canonical = {0};
    struct stub_text to_sign = {0};
    struct stub_text body_hash = {0};
    canonical_request(&canonical, request, &auth, payload);
    stub_text_lit(&to_sign, "AWS4-HMAC-SHA256\n");
    stub_text_add_str(&to_sign, stamp);
    stub_text_lit(&to_sign, "\n");
    stub_text_add_str(&to_sign, auth.scope);
    stub_text_lit(&to_sign, "\n");
    add_hex_hash(&to_sign, stub_text_str(&canonical));
    add_hex_hash(&body_hash, request->body);

    const char *code = NULL;
    if (!signs_enough(request, &auth))
        code = "AccessDenied";
    else if (!signature_holds(check, &auth, stub_text_str(&to_sign)))
        code = "SignatureDoesNotMatch";
    else if (!bkt_str_eq(payload, BKT_STR("UNSIGNED-PAYLOAD")) &&
             !bkt_str_eq(payload, stub_text_str(&body_hash)))
        code = "XAmzContentSHA256Mismatch";
    stub_text_clear(&canonical);
    stub_text_clear(&to_sign);
    stub_text_clear(&body_hash);
    return code;
}
