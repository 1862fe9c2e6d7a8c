#include "events/redis_tls.h"

#include "core/mem.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

enum { PIECE_BYTES = 16 << 10 };

struct bkt_redis_tls {
    SSL_CTX *context;
    SSL *ssl;
    BIO *from_peer; /* both are the SSL's */
    BIO *to_peer;
    bool is_open;
    char host[256];
};

static bool is_address(const char *host)
{
    unsigned char bytes[16];
    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static int open_context(struct bkt_redis_tls *tls, const char *ca_bundle, struct bkt_error *err)
{
    tls->context = SSL_CTX_new(TLS_client_method());
    if (!tls->context)
        return bkt_error_set(err, BKT_ENOMEM, "open TLS: out of memory");
    SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
    (void)SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION);
    if (ca_bundle && SSL_CTX_load_verify_locations(tls->context, ca_bundle, NULL) != 1)
        return bkt_error_set(err, BKT_ECONFIG, "read the certificates in %s: not possible",
                             ca_bundle);
    if (!ca_bundle && SSL_CTX_set_default_verify_paths(tls->context) != 1)
        return bkt_error_set(err, BKT_ECONFIG, "read the system's certificates: not possible");
    return BKT_OK;
}

static int open_session(struct bkt_redis_tls *tls, struct bkt_error *err)
{
    tls->ssl = SSL_new(tls->context);
    BIO *from_peer = BIO_new(BIO_s_mem());
    BIO *to_peer = BIO_new(BIO_s_mem());
    if (!tls->ssl || !from_peer || !to_peer) {
        (void)BIO_free(from_peer);
        (void)BIO_free(to_peer);
        return bkt_error_set(err, BKT_ENOMEM, "open TLS: out of memory");
    }
    tls->from_peer = from_peer;
    tls->to_peer = to_peer;
    (void)BIO_set_mem_eof_return(from_peer, -1);
    SSL_set_bio(tls->ssl, from_peer, to_peer);
    SSL_set_connect_state(tls->ssl);
    /* So that a write never waits for the peer: write_all() does all or fails. */
    (void)SSL_set_options(tls->ssl, SSL_OP_NO_RENEGOTIATION);

    bool is_set;
    if (is_address(tls->host)) {
        is_set = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls->ssl), tls->host) == 1;
    } else {
        is_set = SSL_set1_host(tls->ssl, tls->host) == 1 &&
                 SSL_set_tlsext_host_name(tls->ssl, tls->host) == 1;
    }
    return is_set ? BKT_OK : bkt_error_set(err, BKT_ENOMEM, "open TLS: out of memory");
}

int bkt_redis_tls_new(const char *host,
                      const char *ca_bundle,
                      struct bkt_redis_tls **out_tls,
                      struct bkt_error *err)
{
    struct bkt_redis_tls *tls = bkt_mem_calloc(1, sizeof(*tls));
    if (!tls)
        return bkt_error_set(err, BKT_ENOMEM, "open TLS: out of memory");
    strncpy(tls->host, host, sizeof(tls->host) - 1);
    int rc = open_context(tls, ca_bundle, err);
    if (rc == BKT_OK)
        rc = open_session(tls, err);
    if (rc) {
        bkt_redis_tls_free(tls);
        return rc;
    }
    *out_tls = tls;
    return BKT_OK;
}

void bkt_redis_tls_free(struct bkt_redis_tls *tls)
{
    if (!tls)
        return;
    SSL_free(tls->ssl);
    SSL_CTX_free(tls->context);
    bkt_mem_free(tls);
}

/* OpenSSL says that it needs the peer, or that it is over. */
static int judge(struct bkt_redis_tls *tls, int result, struct bkt_error *err)
{
    int reason = SSL_get_error(tls->ssl, result);
    if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE)
        return BKT_OK;
    long verdict = SSL_get_verify_result(tls->ssl);
    if (verdict != X509_V_OK) {
        return bkt_error_set(err, BKT_ENET,
                             "the certificate of %s is refused: %s; if a private authority signed "
                             "it, name its certificate with --ca-bundle or AWS_CA_BUNDLE",
                             tls->host, X509_verify_cert_error_string(verdict));
    }
    char text[160] = "the connection was closed";
    unsigned long code = ERR_get_error();
    if (code)
        ERR_error_string_n(code, text, sizeof(text));
    (void)bkt_error_set(err, BKT_ENET, "TLS with %s: %s", tls->host, text);
    if (err)
        err->retriable = tls->is_open;
    return BKT_ENET;
}

static int read_all(struct bkt_redis_tls *tls, struct bkt_buf *plain_in, struct bkt_error *err)
{
    char piece[PIECE_BYTES];
    for (;;) {
        int got = SSL_read(tls->ssl, piece, sizeof(piece));
        if (got <= 0)
            return judge(tls, got, err);
        int rc = bkt_buf_append(plain_in, (struct bkt_str){piece, (size_t)got});
        if (rc)
            return bkt_error_set(err, rc, "read from %s: %s", tls->host, bkt_error_text(rc));
    }
}

static int write_all(struct bkt_redis_tls *tls, struct bkt_buf *plain_out, struct bkt_error *err)
{
    size_t done = 0;
    while (done < plain_out->len) {
        size_t left = plain_out->len - done;
        int sent = SSL_write(tls->ssl, plain_out->ptr + done,
                             left > PIECE_BYTES ? PIECE_BYTES : (int)left);
        if (sent <= 0)
            return judge(tls, sent, err);
        done += (size_t)sent;
    }
    bkt_buf_wipe(plain_out); /* a password may have been in it */
    return BKT_OK;
}

int bkt_redis_tls_turn(struct bkt_redis_tls *tls,
                       struct bkt_str received,
                       struct bkt_buf *plain_out,
                       struct bkt_buf *plain_in,
                       struct bkt_buf *wire_out,
                       struct bkt_error *err)
{
    ERR_clear_error();
    int rc = BKT_OK;
    if (received.len > 0 &&
        BIO_write(tls->from_peer, received.ptr, (int)received.len) != (int)received.len)
        return bkt_error_set(err, BKT_ENOMEM, "read from %s: out of memory", tls->host);
    if (!tls->is_open) {
        int result = SSL_do_handshake(tls->ssl);
        tls->is_open = result == 1;
        rc = tls->is_open ? BKT_OK : judge(tls, result, err);
    }
    if (rc == BKT_OK && tls->is_open)
        rc = write_all(tls, plain_out, err);
    if (rc == BKT_OK && tls->is_open)
        rc = read_all(tls, plain_in, err);

    char *bytes;
    long len = BIO_get_mem_data(tls->to_peer, &bytes);
    if (len > 0) {
        int append_rc = bkt_buf_append(wire_out, (struct bkt_str){bytes, (size_t)len});
        (void)BIO_reset(tls->to_peer);
        if (append_rc && rc == BKT_OK)
            rc = bkt_error_set(err, append_rc, "send to %s: %s", tls->host,
                               bkt_error_text(append_rc));
    }
    return rc;
}
