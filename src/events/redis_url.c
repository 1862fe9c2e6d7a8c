#include "events/redis_url.h"

#include "core/ascii.h"
#include "core/mem.h"

#include <stdio.h>

static int refuse(struct bkt_error *err, const char *why)
{
    return bkt_error_set(err, BKT_ECONFIG, "redis_url: %s", why);
}

/* What is before the first (or last) `byte` is cut off `text` and returned. */
static bool cut(struct bkt_str *text, char byte, bool last, struct bkt_str *out_before)
{
    for (size_t i = 0; i < text->len; i++) {
        size_t at = last ? text->len - 1 - i : i;
        if (text->ptr[at] != byte)
            continue;
        *out_before = (struct bkt_str){text->ptr, at};
        *text = (struct bkt_str){text->ptr + at + 1, text->len - at - 1};
        return true;
    }
    return false;
}

/* Unlike a form's text, `+` is itself. */
static bool decode(struct bkt_str text, char *out, size_t size)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        int byte = (unsigned char)text.ptr[i];
        if (byte == '%') {
            int high = i + 2 < text.len ? bkt_hex_value(text.ptr[i + 1]) : -1;
            int low = i + 2 < text.len ? bkt_hex_value(text.ptr[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            byte = high * 16 + low;
            i += 2;
        }
        if (byte == 0 || len + 1 >= size)
            return false;
        out[len++] = (char)byte;
    }
    out[len] = '\0';
    return true;
}

static bool read_number(struct bkt_str text, uint32_t max, uint32_t *out)
{
    uint64_t value;
    if (!bkt_str_to_uint(text, &value) || value > max)
        return false;
    *out = (uint32_t)value;
    return true;
}

static int read_login(struct bkt_str login,
                      struct bkt_str password,
                      struct bkt_redis_url *url,
                      struct bkt_error *err)
{
    struct bkt_str user = {"", 0};
    if (!cut(&login, ':', false, &user) && password.len > 0) {
        user = login;
        login.len = 0;
    }
    if (!decode(user, url->user, sizeof(url->user)) ||
        !decode(login, url->password, sizeof(url->password)))
        return refuse(err, "user and password are percent-encoded, and at most 511 bytes each");
    if (url->user[0] && !url->password[0] && password.len == 0) {
        return refuse(err, "a user needs a password: redis://user:password@host, or one in "
                           "REDISCLI_AUTH");
    }
    return BKT_OK;
}

static int read_parameters(struct bkt_str text, struct bkt_redis_url *url, struct bkt_error *err)
{
    if (text.len == 0)
        return BKT_OK;
    if (!bkt_str_has_prefix(text, BKT_STR("db=")) ||
        !read_number((struct bkt_str){text.ptr + 3, text.len - 3}, BKT_REDIS_DATABASES_MAX - 1,
                     &url->database))
        return refuse(err, "the only parameter is db, a number");
    return BKT_OK;
}

static int read_unix(struct bkt_str path, struct bkt_redis_url *url, struct bkt_error *err)
{
    struct bkt_str before;
    struct bkt_str parameters = path;
    if (cut(&parameters, '?', false, &before))
        path = before;
    else
        parameters.len = 0;
    url->is_unix = true;
    if (path.len == 0 || path.ptr[0] != '/')
        return refuse(err, "a socket is given by its whole path: unix:///run/redis.sock");
    if (path.len > 107 || !decode(path, url->host, sizeof(url->host)))
        return refuse(err, "the path of the socket is longer than 107 bytes, or badly encoded");
    (void)snprintf(url->place, sizeof(url->place), "unix://%s", url->host);
    return read_parameters(parameters, url, err);
}

static int read_host(struct bkt_str text, struct bkt_redis_url *url, struct bkt_error *err)
{
    struct bkt_str host = text;
    struct bkt_str port = {"", 0};
    struct bkt_str address;
    if (text.len > 0 && text.ptr[0] == '[') {
        host = (struct bkt_str){text.ptr + 1, text.len - 1};
        port = host;
        if (!cut(&port, ']', false, &address))
            return refuse(err, "an IPv6 address is written in brackets");
        host = address;
        if (port.len > 0 && port.ptr[0] != ':')
            return refuse(err, "after the address there may be a port, :6379");
        port = (struct bkt_str){port.ptr + (port.len > 0), port.len - (port.len > 0)};
    } else if (cut(&text, ':', true, &address)) {
        host = address;
        port = text;
    }
    if (host.len == 0)
        host = BKT_STR("localhost");
    uint32_t number = BKT_REDIS_PORT;
    if (port.len > 0 && (!read_number(port, UINT16_MAX, &number) || number == 0))
        return refuse(err, "the port is a number from 1 to 65535");
    for (size_t i = 0; i < host.len; i++) {
        if ((unsigned char)host.ptr[i] <= ' ' || strchr("/@?#[]", host.ptr[i]))
            return refuse(err, "the host name has a character that no host name has");
    }
    if (host.len >= sizeof(url->host))
        return refuse(err, "the host name is too long");
    (void)snprintf(url->host, sizeof(url->host), "%.*s", BKT_STR_ARG(host));
    url->port = (uint16_t)number;
    return BKT_OK;
}

static int read_network(struct bkt_str rest, struct bkt_redis_url *url, struct bkt_error *err)
{
    struct bkt_str before;
    struct bkt_str parameters = rest;
    if (cut(&parameters, '?', false, &before))
        rest = before;
    else
        parameters.len = 0;
    struct bkt_str authority = rest;
    struct bkt_str database = rest;
    if (cut(&database, '/', false, &before))
        authority = before;
    else
        database.len = 0;
    if (database.len > 0 && !read_number(database, BKT_REDIS_DATABASES_MAX - 1, &url->database))
        return refuse(err, "after the host comes the number of a database: redis://host:6379/0");
    int rc = read_host(authority, url, err);
    if (rc == BKT_OK)
        rc = read_parameters(parameters, url, err);
    (void)snprintf(url->place, sizeof(url->place), "redis%s://%s:%u/%u", url->is_tls ? "s" : "",
                   url->host, url->port, url->database);
    return rc;
}

static int add_password(struct bkt_str password, struct bkt_redis_url *url, struct bkt_error *err)
{
    if (url->password[0] || password.len == 0)
        return BKT_OK;
    if (password.len >= sizeof(url->password))
        return bkt_error_set(err, BKT_ECONFIG, "REDISCLI_AUTH is longer than 511 bytes");
    memcpy(url->password, password.ptr, password.len);
    return BKT_OK;
}

int bkt_redis_url_parse(struct bkt_str text,
                        struct bkt_str password,
                        struct bkt_redis_url *out,
                        struct bkt_error *err)
{
    static const struct {
        struct bkt_str scheme;
        bool is_tls, is_unix;
    } schemes[] = {
        {{"redis://", 8}, false, false},
        {{"rediss://", 9}, true, false},
        {{"unix://", 7}, false, true},
        {{"redis+unix://", 13}, false, true},
    };
    struct bkt_redis_url url = {.port = BKT_REDIS_PORT};
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        struct bkt_str scheme = schemes[i].scheme;
        if (!bkt_str_has_prefix(text, scheme))
            continue;
        struct bkt_str rest = {text.ptr + scheme.len, text.len - scheme.len};
        struct bkt_str login;
        url.is_tls = schemes[i].is_tls;
        int rc = cut(&rest, '@', true, &login) ? read_login(login, password, &url, err) : BKT_OK;
        if (rc == BKT_OK)
            rc = add_password(password, &url, err);
        if (rc == BKT_OK)
            rc = schemes[i].is_unix ? read_unix(rest, &url, err) : read_network(rest, &url, err);
        if (rc == BKT_OK)
            *out = url;
        bkt_mem_wipe(&url, sizeof(url));
        return rc;
    }
    return refuse(err, "it begins with redis://, rediss:// or unix://");
}

int bkt_redis_name_check(struct bkt_str name, struct bkt_error *err)
{
    if (name.len > 0 && name.len <= BKT_REDIS_NAME_BYTES_MAX && !memchr(name.ptr, '\0', name.len))
        return BKT_OK;
    return bkt_error_set(err, BKT_ECONFIG, "redis_channel: a name of 1 to %d bytes",
                         BKT_REDIS_NAME_BYTES_MAX);
}
