#include "aws/creds_sts.h"

enum { HOPS_MAX = 16 };

/* Profiles from the selected one to the one whose credentials begin the chain. */
struct walk {
    struct bkt_str profiles[HOPS_MAX];
    size_t count;
    struct bkt_str base;              /* its own credentials are the first; or empty: */
    struct bkt_str credential_source; /* where the first ones come from */
};

static struct bkt_str get(const struct bkt_creds_ctx *ctx, struct bkt_str profile, const char *key)
{
    return bkt_profiles_get(ctx->profiles, profile, key);
}

static bool has_keys(const struct bkt_creds_ctx *ctx, struct bkt_str profile)
{
    return get(ctx, profile, "aws_access_key_id").len > 0 ||
           get(ctx, profile, "aws_secret_access_key").len > 0;
}

/* One with a token file is no role of this kind: the web identity is its source. */
static bool has_role(const struct bkt_creds_ctx *ctx, struct bkt_str profile)
{
    return get(ctx, profile, "role_arn").len > 0 &&
           get(ctx, profile, "web_identity_token_file").len == 0;
}

static int check_hop(const struct bkt_creds_ctx *ctx, struct bkt_str profile, struct bkt_error *err)
{
    bool has_profile = get(ctx, profile, "source_profile").len > 0;
    bool has_source = get(ctx, profile, "credential_source").len > 0;
    if (get(ctx, profile, "mfa_serial").len > 0) {
        return bkt_error_set(err, BKT_ECONFIG,
                             "profile %.*s asks for a code (mfa_serial), which nobody is there to "
                             "type; get session keys first and put them into the environment",
                             BKT_STR_ARG(profile));
    }
    if (has_profile == has_source) {
        return bkt_error_set(err, BKT_ECONFIG,
                             "profile %.*s has a role_arn and %s source_profile %s "
                             "credential_source; it needs one of them",
                             BKT_STR_ARG(profile), has_profile ? "both" : "neither",
                             has_profile ? "and" : "nor");
    }
    return BKT_OK;
}

static int loop_error(const struct walk *walk, struct bkt_str profile, struct bkt_error *err)
{
    return bkt_error_set(err, BKT_ECONFIG,
                         "source_profile goes in a circle: profile %.*s comes back to %.*s",
                         BKT_STR_ARG(walk->profiles[walk->count - 1]), BKT_STR_ARG(profile));
}

/* Follow source_profile once; `walk->base` is set when that ends the walk. */
static int follow(const struct bkt_creds_ctx *ctx, struct walk *walk, struct bkt_error *err)
{
    struct bkt_str from = walk->profiles[walk->count - 1];
    struct bkt_str next = get(ctx, from, "source_profile");
    if (!bkt_profiles_has(ctx->profiles, next)) {
        int rc = bkt_profiles_missing(ctx->profiles, next, err);
        return bkt_error_wrap(err, rc, "source_profile of profile %.*s", BKT_STR_ARG(from));
    }
    if (bkt_str_eq(next, from)) {
        if (!has_keys(ctx, from))
            return loop_error(walk, next, err);
        walk->base = next;
        return BKT_OK;
    }
    for (size_t i = 0; i < walk->count; i++) {
        if (bkt_str_eq(walk->profiles[i], next))
            return loop_error(walk, next, err);
    }
    if (has_keys(ctx, next) || !has_role(ctx, next)) {
        walk->base = next;
        return BKT_OK;
    }
    if (walk->count == HOPS_MAX)
        return bkt_error_set(err, BKT_ECONFIG, "more than %d roles one after another", HOPS_MAX);
    walk->profiles[walk->count++] = next;
    return BKT_OK;
}

static int find_walk(const struct bkt_creds_ctx *ctx,
                     struct bkt_str profile,
                     struct walk *walk,
                     struct bkt_error *err)
{
    walk->profiles[walk->count++] = profile;
    while (walk->base.len == 0) {
        struct bkt_str last = walk->profiles[walk->count - 1];
        int rc = check_hop(ctx, last, err);
        if (rc)
            return rc;
        walk->credential_source = get(ctx, last, "credential_source");
        if (walk->credential_source.len > 0)
            return BKT_OK;
        rc = follow(ctx, walk, err);
        if (rc)
            return rc;
    }
    return BKT_OK;
}

static bkt_creds_source_fn *named_source(struct bkt_str name)
{
    if (bkt_str_eq(name, BKT_STR("Environment")))
        return bkt_creds_env_fetch;
    if (bkt_str_eq(name, BKT_STR("Ec2InstanceMetadata")))
        return bkt_creds_imds_fetch;
    if (bkt_str_eq(name, BKT_STR("EcsContainer")))
        return bkt_creds_ecs_fetch;
    return NULL;
}

static int fetch_base(const struct bkt_creds_ctx *ctx,
                      const struct walk *walk,
                      struct bkt_creds *out_creds,
                      struct bkt_error *err)
{
    char why[BKT_CREDS_WHY_BYTES] = "";
    struct bkt_str last = walk->profiles[walk->count - 1];
    bkt_creds_source_fn *fetch = bkt_creds_profile_fetch;
    if (walk->base.len == 0) {
        fetch = named_source(walk->credential_source);
        if (!fetch) {
            return bkt_error_set(err, BKT_ECONFIG,
                                 "credential_source of profile %.*s must be Environment, "
                                 "Ec2InstanceMetadata or EcsContainer",
                                 BKT_STR_ARG(last));
        }
    }
    int rc = fetch(ctx, walk->base, out_creds, why, err);
    struct bkt_str name = walk->base.len > 0 ? walk->base : walk->credential_source;
    if (rc) {
        return bkt_error_wrap(err, rc, "source %.*s of profile %.*s", BKT_STR_ARG(name),
                              BKT_STR_ARG(last));
    }
    if (!bkt_creds_are_set(out_creds)) {
        return bkt_error_set(err, BKT_ECREDS, "source %.*s of profile %.*s has no credentials (%s)",
                             BKT_STR_ARG(name), BKT_STR_ARG(last), why);
    }
    return BKT_OK;
}

int bkt_creds_role_fetch(const struct bkt_creds_ctx *ctx,
                         struct bkt_str profile,
                         struct bkt_creds *out_creds,
                         char why[BKT_CREDS_WHY_BYTES],
                         struct bkt_error *err)
{
    if (!has_role(ctx, profile))
        return bkt_creds_none(why, "no role_arn");
    struct walk walk = {0};
    struct bkt_creds creds = {0};
    int rc = find_walk(ctx, profile, &walk, err);
    if (rc == BKT_OK)
        rc = fetch_base(ctx, &walk, &creds, err);
    while (rc == BKT_OK && walk.count > 0) {
        struct bkt_str hop = walk.profiles[--walk.count];
        struct bkt_creds assumed = {0};
        const struct bkt_sts_role role = {
            .arn = get(ctx, hop, "role_arn"),
            .session_name = get(ctx, hop, "role_session_name"),
            .external_id = get(ctx, hop, "external_id"),
            .duration_seconds = get(ctx, hop, "duration_seconds"),
            .region = get(ctx, hop, "region"),
            .signer = &creds,
        };
        rc = bkt_sts_assume(ctx, &role, &assumed, err);
        bkt_creds_clear(&creds);
        creds = assumed;
    }
    if (rc) {
        bkt_creds_clear(&creds);
        return rc;
    }
    *out_creds = creds;
    return BKT_OK;
}
