/*
 * The proof that goes with a refresh of `aws login`: RFC 9449, section 4.2.  The signature is
 * verified with the public key that the proof itself carries.
 */
#include "aws/dpop.h"

#include "core/mem.h"
#include "t.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>

/* Made with `openssl ecparam -name prime256v1 -genkey`, and `openssl pkcs8 -topk8 -nocrypt`. */
static const char sec1_key[] = "-----BEGIN EC PRIVATE KEY-----\n"
                               "MHcCAQEEIBfMWlj0oMLanq23jv6nc+gQtJuBmle8kr6nnenwSWz8oAoGCCqGSM49\n"
                               "AwEHoUQDQgAEDw0lxd5oITWc4IpxJuNRhYW9AcATczMevgQRYuIYELVUZVnq/rkz\n"
                               "9/elOA8p/XHUl/+9T8vqCPH373J/3tE9Rg==\n"
                               "-----END EC PRIVATE KEY-----\n";
static const char pkcs8_key[] = "-----BEGIN PRIVATE KEY-----\n"
                                "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgF8xaWPSgwtqerbeO\n"
                                "/qdz6BC0m4GaV7ySvqed6fBJbPyhRANCAAQPDSXF3mghNZzginEm41GFhb0BwBNz\n"
                                "Mx6+BBFi4hgQtVRlWer+uTP396U4Dyn9cdSX/71Py+oI8ffvcn/e0T1G\n"
                                "-----END PRIVATE KEY-----\n";
static const char encrypted_key[] =
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
    "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAj8DMNX0LojTgICCAAw\n"
    "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEPkey/0f0lwLGm+taKBbhUoEgZBO\n"
    "sg7AKLAEvxa1UU5hZVAp53X3Ks85g2wu7fvIA1ONr+BPRsqPapA6oNIyt3RQk6Xe\n"
    "mQtgZsvRTnvkF2Pf3P1iTtPM1I3bBdBryu7NSudRo5dzUnhGZXzxjizZhuP7IZHa\n"
    "dTPLiMlLxNmKZ/nQ/y0esH85/3XWQRd1ghirx53Dt4KgXJFh3bruanrK/YCcy88=\n"
    "-----END ENCRYPTED PRIVATE KEY-----\n";
static const char other_curve_key[] =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MIGkAgEBBDB/MaCT7IER7Dbbg8vIaWJsPqQnSAm8qCYyrczCmgszMZWbHRYffXvZ\n"
    "9rq1bNZx/NWgBwYFK4EEACKhZANiAATjfUcBjpXKxPVtxFhNUAM2pKFdpjHVBidw\n"
    "NcUXem5sCt4bKtTVXnKG0gABem4xgcnrLBEziI/UNA5TWTNfmqunHDBOU4mNWWv4\n"
    "xZFkXP1vd6aOdn77e0QaqBSnPpmByJE=\n"
    "-----END EC PRIVATE KEY-----\n";

/* base64url without padding; gives how many bytes. */
static size_t decode(const char *text, size_t len, unsigned char *out)
{
    char padded[1024];
    unsigned char bytes[1024];
    assert_true(len + 4 < sizeof(padded));
    for (size_t i = 0; i < len; i++) {
        assert_true(text[i] != '=' && text[i] != '+' && text[i] != '/');
        padded[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
    }
    size_t padding = (4 - len % 4) % 4;
    memset(padded + len, '=', padding);
    int count = EVP_DecodeBlock(bytes, (unsigned char *)padded, (int)(len + padding));
    assert_true(count >= 0);
    memcpy(out, bytes, (size_t)count - padding);
    out[(size_t)count - padding] = '\0';
    return (size_t)count - padding;
}

static void verify(const char *key_pem, const char *signed_text, size_t len, unsigned char raw[64])
{
    unsigned char der[80];
    unsigned char *at = der;
    ECDSA_SIG *signature = ECDSA_SIG_new();
    assert_int_equal(
        ECDSA_SIG_set0(signature, BN_bin2bn(raw, 32, NULL), BN_bin2bn(raw + 32, 32, NULL)), 1);
    int der_len = i2d_ECDSA_SIG(signature, &at);
    BIO *bio = BIO_new_mem_buf(key_pem, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    assert_non_null(key);
    assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(
        EVP_DigestVerify(ctx, der, (size_t)der_len, (const unsigned char *)signed_text, len), 1);
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    BIO_free(bio);
    ECDSA_SIG_free(signature);
}

static struct bkt_dpop with_key(const char *key)
{
    return (struct bkt_dpop){
        .key = bkt_str_from(key),
        .method = "POST",
        .url = "https://eu-west-1.signin.aws.amazon.com/v1/token",
        .now_s = 1709287200,
        .id = "0f",
    };
}

static void a_proof(void **state)
{
    (void)state;
    static const char *const keys[] = {sec1_key, pkcs8_key};
    for (size_t i = 0; i < T_COUNT(keys); i++) {
        struct bkt_buf proof = BKT_BUF_INIT(4096);
        struct bkt_dpop dpop = with_key(keys[i]);
        unsigned char part[1024];
        assert_int_equal(bkt_buf_append(&proof, BKT_STR("DPoP: ")), BKT_OK);
        assert_int_equal(bkt_dpop_append(&dpop, &proof, NULL), BKT_OK);
        const char *header = proof.ptr + 6;
        const char *claims = strchr(header, '.') + 1;
        const char *signature = strchr(claims, '.') + 1;
        assert_null(strchr(signature, '.'));

        (void)decode(header, (size_t)(claims - header) - 1, part);
        assert_string_equal((char *)part,
                            "{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\",\"jwk\":{"
                            "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":"
                            "\"Dw0lxd5oITWc4IpxJuNRhYW9AcATczMevgQRYuIYELU\","
                            "\"y\":\"VGVZ6v65M_f3pTgPKf1x1Jf_vU_L6gjx9-9yf97RPUY\"}}");
        (void)decode(claims, (size_t)(signature - claims) - 1, part);
        assert_string_equal((char *)part,
                            "{\"jti\":\"0f\",\"htm\":\"POST\",\"htu\":\"https://eu-west-1.signin."
                            "aws.amazon.com/v1/token\",\"iat\":1709287200}");
        assert_int_equal(decode(signature, strlen(signature), part), 64);
        verify(keys[i], header, (size_t)(signature - header) - 1, part);
        bkt_buf_clear(&proof);
    }
}

static void keys_that_are_none(void **state)
{
    (void)state;
    static const char *const keys[] = {"", "HUSH", encrypted_key, other_curve_key};
    for (size_t i = 0; i < T_COUNT(keys); i++) {
        struct bkt_buf proof = BKT_BUF_INIT(4096);
        struct bkt_dpop dpop = with_key(keys[i]);
        struct bkt_error err;
        assert_int_equal(bkt_dpop_append(&dpop, &proof, &err), BKT_EPARSE);
        assert_string_equal(err.message, "the key is no private key on P-256");
        bkt_buf_clear(&proof);
    }
}

static int append_and_forget(void)
{
    struct bkt_buf proof = BKT_BUF_INIT(4096);
    struct bkt_dpop dpop = with_key(sec1_key);
    int rc = bkt_dpop_append(&dpop, &proof, NULL);
    bkt_buf_clear(&proof);
    return rc;
}

static void memory_that_runs_out(void **state)
{
    (void)state;
    T_TORTURE(append_and_forget());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_proof),
        cmocka_unit_test(keys_that_are_none),
        cmocka_unit_test(memory_that_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
