#include "aws/dpop.h"

#include "core/json_write.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

enum {
    NUMBER_BYTES = 32, /* a coordinate, and half of a signature, on P-256 */
    SIGNATURE_DER_BYTES_MAX = 80,
    PART_BYTES_MAX = 4096,
};

/* An encrypted key is a useless one here: OpenSSL would ask the terminal. */
static int no_passphrase(char *buf, int size, int is_written, void *ctx)
{
    (void)buf;
    (void)size;
    (void)is_written;
    (void)ctx;
    return -1;
}

static EVP_PKEY *read_key(struct bkt_str pem)
{
    if (pem.len > PART_BYTES_MAX)
        return NULL;
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
    BIO_free(bio);
    char group[32] = "";
    size_t len;
    if (key && (EVP_PKEY_get_group_name(key, group, sizeof(group), &len) != 1 ||
                strcmp(group, SN_X9_62_prime256v1) != 0)) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    return key;
}

/* RFC 4648, section 5, without padding. */
static int append_base64url(struct bkt_buf *out, const void *bytes, size_t len)
{
    size_t room = (len + 2) / 3 * 4 + 1;
    int rc = bkt_buf_reserve(out, room);
    if (rc)
        return rc;
    char *at = out->ptr + out->len;
    size_t count = (size_t)EVP_EncodeBlock((unsigned char *)at, bytes, (int)len);
    while (count > 0 && at[count - 1] == '=')
        count--;
    for (size_t i = 0; i < count; i++) {
        if (at[i] == '+')
            at[i] = '-';
        else if (at[i] == '/')
            at[i] = '_';
    }
    out->len += count;
    out->ptr[out->len] = '\0';
    return BKT_OK;
}

static int append_coordinate(struct bkt_buf *out, const EVP_PKEY *key, const char *name)
{
    BIGNUM *number = NULL;
    unsigned char bytes[NUMBER_BYTES];
    int rc = BKT_EPARSE;
    if (EVP_PKEY_get_bn_param(key, name, &number) == 1 &&
        BN_bn2binpad(number, bytes, sizeof(bytes)) == (int)sizeof(bytes))
        rc = append_base64url(out, bytes, sizeof(bytes));
    BN_free(number);
    return rc;
}

static int append_header(struct bkt_buf *out, const EVP_PKEY *key)
{
    struct bkt_buf json = BKT_BUF_INIT(PART_BYTES_MAX);
    int rc = bkt_buf_append(&json, BKT_STR("{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\","
                                           "\"jwk\":{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\""));
    rc = rc ? rc : append_coordinate(&json, key, OSSL_PKEY_PARAM_EC_PUB_X);
    rc = rc ? rc : bkt_buf_append(&json, BKT_STR("\",\"y\":\""));
    rc = rc ? rc : append_coordinate(&json, key, OSSL_PKEY_PARAM_EC_PUB_Y);
    rc = rc ? rc : bkt_buf_append(&json, BKT_STR("\"}}"));
    rc = rc ? rc : append_base64url(out, json.ptr, json.len);
    bkt_buf_clear(&json);
    return rc;
}

static int append_claims(struct bkt_buf *out, const struct bkt_dpop *dpop)
{
    struct bkt_buf json = BKT_BUF_INIT(PART_BYTES_MAX);
    int rc = bkt_buf_append_char(&json, '{');
    rc = rc ? rc : bkt_json_append_field(&json, "jti", bkt_str_from(dpop->id));
    rc = rc ? rc : bkt_buf_append_char(&json, ',');
    rc = rc ? rc : bkt_json_append_field(&json, "htm", bkt_str_from(dpop->method));
    rc = rc ? rc : bkt_buf_append_char(&json, ',');
    rc = rc ? rc : bkt_json_append_field(&json, "htu", bkt_str_from(dpop->url));
    rc = rc ? rc : bkt_buf_append_char(&json, ',');
    rc = rc ? rc : bkt_json_append_uint_field(&json, "iat", (uint64_t)dpop->now_s);
    rc = rc ? rc : bkt_buf_append_char(&json, '}');
    rc = rc ? rc : append_base64url(out, json.ptr, json.len);
    bkt_buf_clear(&json);
    return rc;
}

/* A web token has the two numbers side by side, OpenSSL gives them in DER. */
static bool unpack(const unsigned char *der,
                   size_t der_len,
                   unsigned char numbers[2 * NUMBER_BYTES])
{
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &der, (long)der_len);
    bool done = signature &&
                BN_bn2binpad(ECDSA_SIG_get0_r(signature), numbers, NUMBER_BYTES) == NUMBER_BYTES &&
                BN_bn2binpad(ECDSA_SIG_get0_s(signature), numbers + NUMBER_BYTES, NUMBER_BYTES) ==
                    NUMBER_BYTES;
    ECDSA_SIG_free(signature);
    return done;
}

static int append_signature(struct bkt_buf *out, EVP_PKEY *key, size_t start)
{
    unsigned char der[SIGNATURE_DER_BYTES_MAX];
    unsigned char numbers[2 * NUMBER_BYTES];
    size_t der_len = sizeof(der);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool done = ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
                EVP_DigestSign(ctx, der, &der_len, (const unsigned char *)out->ptr + start,
                               out->len - start) == 1 &&
                unpack(der, der_len, numbers);
    EVP_MD_CTX_free(ctx);
    if (!done)
        return BKT_EPARSE;
    int rc = bkt_buf_append_char(out, '.');
    return rc ? rc : append_base64url(out, numbers, sizeof(numbers));
}

int bkt_dpop_append(const struct bkt_dpop *dpop, struct bkt_buf *out, struct bkt_error *err)
{
    EVP_PKEY *key = read_key(dpop->key);
    if (!key)
        return bkt_error_set(err, BKT_EPARSE, "the key is no private key on P-256");
    size_t start = out->len;
    int rc = append_header(out, key);
    rc = rc ? rc : bkt_buf_append_char(out, '.');
    rc = rc ? rc : append_claims(out, dpop);
    rc = rc ? rc : append_signature(out, key, start);
    EVP_PKEY_free(key);
    if (rc)
        (void)bkt_error_set(err, rc, "sign with the session's key: %s", bkt_error_text(rc));
    return rc;
}
