#include "sqlite/arguments.h"

#include <ctype.h>
#include <string.h>

SQLITE_EXTENSION_INIT3

enum { GROUPS = BKT_GROUP_BUCKET | BKT_GROUP_ROWS | BKT_GROUP_CONTENT | BKT_GROUP_RUN };

/* One argument, cut into its parts; both are owned. */
struct argument {
    char *name; /* NULL: it has none */
    char *value;
};

static void clear(struct argument *argument)
{
    sqlite3_free(argument->name);
    sqlite3_free(argument->value);
}

static const char *skip_blanks(const char *at)
{
    while (isspace((unsigned char)*at))
        at++;
    return at;
}

/* A string between quotes, doubled ones inside, or a bare word.  NULL: memory is out. */
static char *unquote(const char *at, bool *out_is_whole)
{
    size_t len = strlen(at);
    char *text = sqlite3_malloc64(len + 1);
    if (!text)
        return NULL;
    size_t kept = 0;
    char quote = *at == '\'' || *at == '"' ? *at : '\0';
    if (quote) {
        for (at++; *at && (*at != quote || at[1] == quote); at++) {
            at += *at == quote;
            text[kept++] = *at;
        }
        *out_is_whole = *at == quote && *skip_blanks(at + 1) == '\0';
    } else {
        while (len > 0 && isspace((unsigned char)at[len - 1]))
            len--;
        memcpy(text, at, len);
        kept = len;
        *out_is_whole = len > 0;
    }
    text[kept] = '\0';
    return text;
}

static int parse(const char *text, struct argument *argument, struct bkt_error *err)
{
    const char *at = skip_blanks(text);
    size_t name_len = 0;
    while (isalnum((unsigned char)at[name_len]) || at[name_len] == '_' || at[name_len] == '-')
        name_len++;
    const char *behind = skip_blanks(at + name_len);
    bool is_whole = false;
    if (name_len > 0 && *behind == '=') {
        argument->name = sqlite3_mprintf("%.*s", (int)name_len, at);
        argument->value = unquote(skip_blanks(behind + 1), &is_whole);
        if (!argument->name)
            return bkt_error_set(err, BKT_ENOMEM, "out of memory");
    } else {
        argument->value = unquote(at, &is_whole);
    }
    if (!argument->value)
        return bkt_error_set(err, BKT_ENOMEM, "out of memory");
    if (!is_whole)
        return bkt_error_set(err, BKT_ECONFIG, "%s: write it as NAME='VALUE'",
                             argument->name ? argument->name : "an argument");
    return BKT_OK;
}

/* What people call keys and passwords.  The value is never looked at, nor shown. */
static bool is_secret(const char *name)
{
    static const char *const words[] = {"secret",     "password", "passwd", "access_key",
                                        "credential", "token",    "api_key"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strstr(name, words[i]))
            return true;
    }
    const struct bkt_property *property = bkt_property_find(name);
    return property && property->is_secret;
}

static int set_on_error(struct ext_place *place, const char *value, struct bkt_error *err)
{
    if (strcmp(value, "fail") != 0 && strcmp(value, "null") != 0)
        return bkt_error_set(err, BKT_ECONFIG, "on_error: fail or null");
    place->on_error = value[0] == 'n' ? EXT_ON_ERROR_NULL : EXT_ON_ERROR_FAIL;
    return BKT_OK;
}

static int set(struct ext_place *place, const struct argument *argument, struct bkt_error *err)
{
    const char *name = argument->name;
    if (strcmp(name, "on_error") == 0)
        return set_on_error(place, argument->value, err);
    if (is_secret(name)) {
        return bkt_error_set(err, BKT_ECONFIG,
                             "%s: the database file would keep it; put keys into the environment "
                             "(AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) or ~/.aws/credentials, "
                             "and name them with profile='NAME'",
                             name);
    }
    const struct bkt_property *property = bkt_property_find(name);
    if (property && (!(property->group & GROUPS) || strcmp(name, "max_deletes") == 0)) {
        return bkt_error_set(err, BKT_ECONFIG,
                             "%s: this table shows the bucket as it is; `bucketable sync` and "
                             "`watch` follow changes and keep tables",
                             name);
    }
    if (property && (property->kind == BKT_PROPERTY_LIST || property->kind == BKT_PROPERTY_SET))
        return bkt_config_add(place->config, name, argument->value, err);
    return bkt_config_set(place->config, name, argument->value, err);
}

static int read_one(struct ext_place *place, const char *text, bool is_first, struct bkt_error *err)
{
    struct argument argument = {0};
    int rc = parse(text, &argument, err);
    if (rc == BKT_OK && argument.name)
        rc = set(place, &argument, err);
    else if (rc == BKT_OK && is_first)
        rc = bkt_config_source(place->config, argument.value, err);
    else if (rc == BKT_OK)
        rc = bkt_error_set(err, BKT_ECONFIG, "an argument without a name: write NAME='VALUE'");
    clear(&argument);
    return rc;
}

int ext_arguments_read(struct ext_place *place,
                       int count,
                       const char *const *arguments,
                       struct bkt_error *err)
{
    int rc = bkt_config_new(&place->config, err);
    for (int i = 0; i < count && rc == BKT_OK; i++)
        rc = read_one(place, arguments[i], i == 0, err);
    if (rc == BKT_OK)
        rc = bkt_config_check(place->config, BKT_CONFIG_SOURCE, NULL, NULL, err);
    return rc;
}

static int load_options(struct ext_place *place, const char *options, struct bkt_error *err)
{
    char *spec = sqlite3_mprintf("{\"source\": %s}", options);
    if (!spec)
        return bkt_error_set(err, BKT_ENOMEM, "out of memory");
    int rc = bkt_config_load_spec(place->config, spec, strlen(spec), "options", err);
    sqlite3_free(spec);
    return rc;
}

int ext_arguments_call(struct ext_place *place,
                       const char *url,
                       const char *options,
                       struct bkt_error *err)
{
    int rc = bkt_config_new(&place->config, err);
    if (rc == BKT_OK && options)
        rc = load_options(place, options, err);
    if (rc == BKT_OK)
        rc = bkt_config_source(place->config, url, err);
    if (rc == BKT_OK)
        rc = bkt_config_check(place->config, BKT_CONFIG_SOURCE, NULL, NULL, err);
    return rc;
}
