#include "aws/creds_chain.h"

#include "core/mem.h"

#include <stdio.h>

enum { TRIED_BYTES_MAX = 760, RETRY_DELAY_MS = 1000 };

struct chain {
    struct bkt_creds_ctx ctx; /* its profiles are set during a fetch only */
    char *profile;            /* the option, or NULL */
    char *region;             /* or NULL */
};

/* What a source looks at, a bit each: which of them are asked depends on who asks. */
enum scope {
    SCOPE_ENVIRONMENT = 1,
    SCOPE_SELECTED = 2, /* of the selected profile, not of one that it refers to */
    SCOPE_IDENTITY = 4, /* of any profile, or of no profile and the environment */
    SCOPE_PROFILE = 8,
    SCOPE_MACHINE = 16,
};

static const struct source {
    const char *name;
    enum scope scope;
    bkt_creds_source_fn *fetch;
} sources[] = {
    {"environment", SCOPE_ENVIRONMENT, bkt_creds_env_fetch},
    {"role", SCOPE_SELECTED, bkt_creds_role_fetch},
    {"web identity", SCOPE_IDENTITY, bkt_creds_web_fetch},
    {"SSO", SCOPE_PROFILE, bkt_creds_sso_fetch},
    {"credentials file", SCOPE_PROFILE, bkt_creds_credentials_file_fetch},
    {"aws login", SCOPE_PROFILE, bkt_creds_login_fetch},
    {"credential_process", SCOPE_PROFILE, bkt_creds_process_fetch},
    {"config file", SCOPE_PROFILE, bkt_creds_config_file_fetch},
    {"container", SCOPE_MACHINE, bkt_creds_ecs_fetch},
    {"instance", SCOPE_MACHINE, bkt_creds_imds_fetch},
};

enum { SOURCE_COUNT = sizeof(sources) / sizeof(sources[0]) };

/* What was asked and what it said; a fixed size, for an error must not need memory. */
struct tried {
    char text[TRIED_BYTES_MAX];
    size_t len;
};

/* A line that does not fit is left out: the error says the most it can. */
static void note(struct tried *tried, const char *name, const char *why)
{
    size_t room = sizeof(tried->text) - tried->len;
    int len =
        snprintf(tried->text + tried->len, room, "%s%s: %s", tried->len > 0 ? "; " : "", name, why);
    if (len > 0 && (size_t)len < room) {
        tried->len += (size_t)len;
    } else {
        tried->text[tried->len] = '\0';
    }
}

/* The sources in these scopes one after another, until one has set `out_creds`. */
static int ask(const struct bkt_creds_ctx *ctx,
               unsigned scopes,
               struct bkt_str profile,
               struct tried *tried,
               struct bkt_creds *out_creds,
               struct bkt_error *err)
{
    for (size_t i = 0; i < SOURCE_COUNT && !bkt_creds_are_set(out_creds); i++) {
        char why[BKT_CREDS_WHY_BYTES] = "";
        if (!(sources[i].scope & scopes))
            continue;
        int rc = sources[i].fetch(ctx, profile, out_creds, why, err);
        if (rc)
            return bkt_error_wrap(err, rc, "credentials: %s", sources[i].name);
        if (!bkt_creds_are_set(out_creds))
            note(tried, sources[i].name, why);
    }
    return BKT_OK;
}

int bkt_creds_profile_fetch(const struct bkt_creds_ctx *ctx,
                            struct bkt_str profile,
                            struct bkt_creds *out_creds,
                            char why[BKT_CREDS_WHY_BYTES],
                            struct bkt_error *err)
{
    struct bkt_creds_ctx own = *ctx;
    own.is_hop = true;
    struct tried tried = {.len = 0};
    int rc = ask(&own, SCOPE_IDENTITY | SCOPE_PROFILE, profile, &tried, out_creds, err);
    if (rc || bkt_creds_are_set(out_creds))
        return rc;
    return bkt_creds_none(why, "%s", tried.text);
}

static int ask_all(const struct bkt_creds_ctx *ctx,
                   struct bkt_creds *out_creds,
                   struct bkt_error *err)
{
    struct bkt_str profile = bkt_str_from(ctx->profiles->name);
    struct tried tried = {.len = 0};
    unsigned scopes = SCOPE_IDENTITY | SCOPE_MACHINE;
    if (!ctx->profiles->by_option)
        scopes |= SCOPE_ENVIRONMENT;
    if (bkt_profiles_has(ctx->profiles, profile))
        scopes |= SCOPE_SELECTED | SCOPE_PROFILE;
    else
        note(&tried, "profile default", "not in the AWS files");
    int rc = ask(ctx, scopes, profile, &tried, out_creds, err);
    if (rc || bkt_creds_are_set(out_creds))
        return rc;
    return bkt_error_set(err, BKT_ECREDS,
                         "no credentials found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
                         "name a profile, or do not sign if the bucket is public (%s)",
                         tried.text);
}

static int chain_fetch(void *self, struct bkt_creds *out_creds, struct bkt_error *err)
{
    struct chain *chain = self;
    struct bkt_profiles profiles = {0};
    int rc = bkt_profiles_load(chain->ctx.env, chain->profile, &profiles, err);
    if (rc)
        return bkt_error_wrap(err, rc, "credentials");

    struct bkt_creds_ctx ctx = chain->ctx;
    ctx.profiles = &profiles;
    rc = ask_all(&ctx, out_creds, err);
    bkt_profiles_clear(&profiles);
    if (rc)
        bkt_creds_clear(out_creds);
    return rc;
}

static void chain_free(void *self)
{
    struct chain *chain = self;
    if (!chain)
        return;
    bkt_mem_free(chain->profile);
    bkt_mem_free(chain->region);
    bkt_mem_free(chain);
}

static int keep(char **slot, const char *text)
{
    if (!text || text[0] == '\0')
        return BKT_OK;
    *slot = bkt_mem_strdup(text, strlen(text));
    return *slot ? BKT_OK : BKT_ENOMEM;
}

int bkt_creds_chain_new(const struct bkt_creds_chain_options *options,
                        struct bkt_creds_provider *out_provider,
                        struct bkt_error *err)
{
    struct chain *chain = bkt_mem_calloc(1, sizeof(*chain));
    int rc = chain ? BKT_OK : BKT_ENOMEM;
    if (rc == BKT_OK)
        rc = keep(&chain->profile, options->profile);
    if (rc == BKT_OK)
        rc = keep(&chain->region, options->region);
    if (rc) {
        chain_free(chain);
        return bkt_error_set(err, rc, "look for credentials: %s", bkt_error_text(rc));
    }
    chain->ctx = (struct bkt_creds_ctx){
        .env = options->env ? options->env : bkt_env_process(),
        .http = options->http,
        .region = chain->region,
        .retry_delay_ms = RETRY_DELAY_MS,
    };
    *out_provider =
        (struct bkt_creds_provider){.fetch = chain_fetch, .free = chain_free, .self = chain};
    return BKT_OK;
}
