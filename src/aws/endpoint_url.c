#include "aws/endpoint.h"

#include "core/ascii.h"

#include <stdio.h>

enum { HOST_BYTES_MAX = 253, PATH_BYTES_MAX = 512, SHOWN_BYTES_MAX = 200 };

static size_t find_scheme_end(struct bkt_str url)
{
    for (size_t i = 0; i + 3 <= url.len; i++) {
        if (memcmp(url.ptr + i, "://", 3) == 0)
            return i;
    }
    return url.len;
}

/* A text that may be shown: printable ASCII, no user part, not long. */
static bool is_showable(struct bkt_str url)
{
    for (size_t i = 0; i < url.len; i++) {
        if (url.ptr[i] <= ' ' || url.ptr[i] >= 0x7f || url.ptr[i] == '@' || url.ptr[i] == '?')
            return false;
    }
    return url.len > 0 && url.len <= SHOWN_BYTES_MAX;
}

static bool is_local(struct bkt_str host)
{
    struct bkt_str name = {host.ptr, bkt_str_find(host, '/')};
    name.len = bkt_str_find(name, ':');
    return bkt_str_eq(name, BKT_STR("localhost")) ||
           (name.len > 0 && bkt_is_digit(name.ptr[name.len - 1])) ||
           bkt_str_find(name, '.') == name.len;
}

static int take_scheme(struct bkt_str *url,
                       const char *what,
                       bool *out_https,
                       struct bkt_error *err)
{
    size_t end = find_scheme_end(*url);
    if (end == url->len) {
        if (!is_showable(*url)) {
            return bkt_error_set(err, BKT_ECONFIG, "%s does not begin with http:// or https://",
                                 what);
        }
        return bkt_error_set(err, BKT_ECONFIG, "%s %.*s has no scheme; write %s://%.*s", what,
                             BKT_STR_ARG(*url), is_local(*url) ? "http" : "https",
                             BKT_STR_ARG(*url));
    }
    struct bkt_str scheme = {url->ptr, end};
    *out_https = bkt_str_eq_nocase(scheme, BKT_STR("https"));
    if (!*out_https && !bkt_str_eq_nocase(scheme, BKT_STR("http"))) {
        return bkt_error_set(err, BKT_ECONFIG, "%s must begin with http:// or https://", what);
    }
    *url = bkt_str_skip(*url, end + 3);
    return BKT_OK;
}

static bool is_ipv6(struct bkt_str host)
{
    bool has_colon = false;
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        if (bkt_hex_value(c) < 0 && c != ':' && c != '.')
            return false;
        has_colon = has_colon || c == ':';
    }
    return has_colon && host.len <= 45;
}

/* Letters, digits, `-` and, since container names have it, `_`; no label is empty. */
static bool is_host_name(struct bkt_str host)
{
    char before = '.';
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        if (c == '.' ? before == '.' : !bkt_is_alnum(c) && c != '-' && c != '_')
            return false;
        before = c;
    }
    return before != '.' && host.len <= HOST_BYTES_MAX;
}

static bool take_port(struct bkt_str text, bool https, uint16_t *out_port)
{
    uint64_t port;
    if (text.len > 5 || !bkt_str_to_uint(text, &port) || port == 0 || port > UINT16_MAX)
        return false;
    *out_port = port == (https ? 443 : 80) ? 0 : (uint16_t)port;
    return true;
}

static int parse_authority(struct bkt_str authority,
                           const char *what,
                           struct bkt_endpoint_url *out,
                           struct bkt_error *err)
{
    if (bkt_str_find(authority, '@') < authority.len)
        return bkt_error_set(err, BKT_ECONFIG, "%s must not hold a user name or password", what);
    struct bkt_str rest;
    if (authority.len > 0 && authority.ptr[0] == '[') {
        size_t end = bkt_str_find(authority, ']');
        out->host = (struct bkt_str){authority.ptr + 1, end - 1};
        out->is_ipv6 = true;
        if (end == authority.len || !is_ipv6(out->host))
            return bkt_error_set(err, BKT_ECONFIG, "%s holds no valid IPv6 address in []", what);
        rest = bkt_str_skip(authority, end + 1);
    } else {
        size_t end = bkt_str_find(authority, ':');
        out->host = (struct bkt_str){authority.ptr, end};
        if (!is_host_name(out->host))
            return bkt_error_set(err, BKT_ECONFIG, "%s holds no valid host name", what);
        rest = bkt_str_skip(authority, end);
    }
    if (rest.len > 0 &&
        (rest.ptr[0] != ':' || !take_port(bkt_str_skip(rest, 1), out->https, &out->port)))
        return bkt_error_set(err, BKT_ECONFIG, "%s holds no valid port", what);
    return BKT_OK;
}

static bool is_dot_segment(struct bkt_str segment)
{
    return bkt_str_eq(segment, BKT_STR(".")) || bkt_str_eq(segment, BKT_STR(".."));
}

static bool is_path(struct bkt_str path)
{
    for (struct bkt_str rest = path; rest.len > 0;) {
        rest = bkt_str_skip(rest, 1);
        struct bkt_str segment = {rest.ptr, bkt_str_find(rest, '/')};
        if (segment.len == 0 || is_dot_segment(segment))
            return false;
        for (size_t i = 0; i < segment.len; i++) {
            char c = segment.ptr[i];
            if (!bkt_is_alnum(c) && (c == '\0' || !strchr("-._~%+@:=,", c)))
                return false;
        }
        rest = bkt_str_skip(rest, segment.len);
    }
    return path.len <= PATH_BYTES_MAX;
}

int bkt_endpoint_url_parse(struct bkt_str url,
                           const char *what,
                           struct bkt_endpoint_url *out,
                           struct bkt_error *err)
{
    struct bkt_endpoint_url parsed = {0};
    int rc = take_scheme(&url, what, &parsed.https, err);
    if (rc)
        return rc;
    size_t end = bkt_str_find(url, '/');
    size_t mark = bkt_str_find(url, '?') < bkt_str_find(url, '#') ? bkt_str_find(url, '?')
                                                                  : bkt_str_find(url, '#');
    if (mark < url.len)
        return bkt_error_set(err, BKT_ECONFIG, "%s must not hold a query or a fragment", what);
    rc = parse_authority((struct bkt_str){url.ptr, end}, what, &parsed, err);
    if (rc)
        return rc;

    parsed.path = bkt_str_skip(url, end);
    while (parsed.path.len > 0 && parsed.path.ptr[parsed.path.len - 1] == '/')
        parsed.path.len--;
    if (!is_path(parsed.path))
        return bkt_error_set(err, BKT_ECONFIG, "%s holds a path that cannot be used", what);
    *out = parsed;
    return BKT_OK;
}

/* "sso_oidc" and AWS_ENDPOINT_URL_SSO_OIDC */
static struct bkt_str from_environment(const struct bkt_env *env, const char *service)
{
    char name[64];
    int len = snprintf(name, sizeof(name), "AWS_ENDPOINT_URL_%s", service);
    for (int i = 0; i < len; i++) {
        if (name[i] >= 'a' && name[i] <= 'z')
            name[i] = (char)(name[i] - 'a' + 'A');
    }
    struct bkt_str url = bkt_env_get(env, name);
    return url.len > 0 ? url : bkt_env_get(env, "AWS_ENDPOINT_URL");
}

int bkt_endpoint_url_find(const struct bkt_env *env,
                          const struct bkt_profiles *profiles,
                          const char *service,
                          struct bkt_str option,
                          struct bkt_str *out_url,
                          struct bkt_error *err)
{
    struct bkt_str profile = bkt_str_from(profiles->name);
    struct bkt_str url = option;
    bool ignored =
        bkt_env_get_bool(env, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") ||
        bkt_str_eq_nocase(bkt_profiles_get(profiles, profile, "ignore_configured_endpoint_urls"),
                          BKT_STR("true"));
    if (url.len == 0 && !ignored)
        url = from_environment(env, service);

    struct bkt_str services = bkt_profiles_get(profiles, profile, "services");
    if (url.len == 0 && !ignored && services.len > 0) {
        if (!bkt_profiles_has_services(profiles, services)) {
            return bkt_error_set(err, BKT_ECONFIG,
                                 "profile %.*s names services = %.*s, and there is no section "
                                 "[services %.*s]",
                                 BKT_STR_ARG(profile), BKT_STR_ARG(services),
                                 BKT_STR_ARG(services));
        }
        url = bkt_profiles_service_get(profiles, services, service, "endpoint_url");
    }
    if (url.len == 0 && !ignored)
        url = bkt_profiles_get(profiles, profile, "endpoint_url");
    *out_url = url;
    return BKT_OK;
}

static bool is_set(const struct bkt_env *env,
                   const struct bkt_profiles *profiles,
                   const char *variable,
                   const char *key,
                   struct bkt_str word)
{
    return bkt_str_eq_nocase(bkt_profiles_setting(profiles, env, variable, key), word);
}

struct bkt_endpoint_switches bkt_endpoint_switches_find(const struct bkt_env *env,
                                                        const struct bkt_profiles *profiles)
{
    struct bkt_str on = BKT_STR("true");
    struct bkt_str off = BKT_STR("false");
    return (struct bkt_endpoint_switches){
        .fips = is_set(env, profiles, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint", on),
        .dualstack =
            is_set(env, profiles, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint", on),
        .ignore_arn_region =
            is_set(env, profiles, "AWS_S3_USE_ARN_REGION", "s3_use_arn_region", off),
    };
}
