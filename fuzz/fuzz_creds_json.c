#include "aws/creds_json.h"
#include "aws/creds_sts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever is found has an id and a secret, and nothing that could end a header line. */
static void check(int rc, struct bkt_creds *creds)
{
    if (rc == BKT_OK && (!creds->access_key_id || !creds->secret_access_key ||
                         strpbrk(creds->access_key_id, "\r\n ") ||
                         (creds->session_token && strpbrk(creds->session_token, "\r\n "))))
        __builtin_trap();
    if (rc != BKT_OK && creds->access_key_id)
        __builtin_trap();
    bkt_creds_clear(creds);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bkt_str text = {(const char *)data, size};
    struct bkt_creds creds = {0};
    char words[128];
    for (int form = BKT_CREDS_JSON_PROCESS; form <= BKT_CREDS_JSON_LOGIN; form++)
        check(bkt_creds_json_parse(text, (enum bkt_creds_json_form)form, &creds, NULL), &creds);
    check(bkt_sts_parse(text, &creds, NULL), &creds);
    bkt_creds_json_error(text, words, sizeof(words));
    return 0;
}
