/*
 * The JSON documents that credentials come in; bytes in, credentials out.  No message quotes any of
 * them but the error text of a service.
 */
#ifndef AWS_CREDS_JSON_H
#define AWS_CREDS_JSON_H

#include "aws/creds.h"

struct cJSON;

enum { BKT_CREDS_JSON_DEPTH_MAX = 8 };

enum bkt_creds_json_form {
    /* {"Version":1,"AccessKeyId","SecretAccessKey","SessionToken"?,"Expiration"?} */
    BKT_CREDS_JSON_PROCESS,
    /* {"AccessKeyId","SecretAccessKey","Token","Expiration"}, names in any case */
    BKT_CREDS_JSON_CONTAINER,
    /* the same, with "Code":"Success" */
    BKT_CREDS_JSON_INSTANCE,
    /* {"roleCredentials":{"accessKeyId","secretAccessKey","sessionToken","expiration": ms}} */
    BKT_CREDS_JSON_SSO,
    /* {"accessToken":{"accessKeyId","secretAccessKey","sessionToken","expiresAt"}} */
    BKT_CREDS_JSON_LOGIN,
};

/* BKT_EPARSE, or BKT_ECREDS when the document is an error of its sender. */
BKT_MUST_CHECK int bkt_creds_json_parse(struct bkt_str text,
                                        enum bkt_creds_json_form form,
                                        struct bkt_creds *out,
                                        struct bkt_error *err);

/*
 * A service's error document, {"code","message"} in any case or {"error","error_description"}, as
 * "code: message", cut and made printable; "" when it is none.
 */
void bkt_creds_json_error(struct bkt_str text, char *out, size_t size);

#endif
