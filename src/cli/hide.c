#include "cli/hide.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const char stars[] = "***";

/* Returns what follows. A password that is shorter gives its length away, and no more. */
static char *hide(char *password, size_t len)
{
    size_t kept = len < sizeof(stars) - 1 ? len : sizeof(stars) - 1;
    size_t rest_len = strlen(password + len);
    memcpy(password, stars, kept);
    memmove(password + kept, password + len, rest_len);
    memset(password + kept + rest_len, 0, len - kept);
    return password + kept;
}

/* Both names also stand within longer ones, "sslpassword". */
static bool names_a_secret(const char *name, size_t len)
{
    static const char *const words[] = {"password", "secret"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        const char *found = strstr(name, words[i]);
        if (found && found + strlen(words[i]) <= name + len)
            return true;
    }
    return false;
}

static void hide_in_query(char *query)
{
    while (*query) {
        size_t name_len = strcspn(query, "=&");
        char *value = query + name_len + (query[name_len] == '=');
        size_t len = query[name_len] == '=' ? strcspn(value, "& \"") : 0;
        char *end = names_a_secret(query, name_len) ? hide(value, len) : value + len;
        query = end + (*end != '\0');
    }
}

void cli_hide_passwords(char *text)
{
    char *at = text;
    while ((at = strstr(at, "://")) != NULL) {
        at += 3;
        /* A password may hold anything: the last "@" is what ends it. */
        size_t word_len = strcspn(at, " ");
        size_t login_len = word_len;
        while (login_len > 0 && at[login_len - 1] != '@')
            login_len--;
        char *colon = login_len > 0 ? memchr(at, ':', login_len) : NULL;
        if (colon)
            at = hide(colon + 1, (size_t)(at + login_len - 1 - (colon + 1)));
        char *query = strchr(at, '?');
        if (query)
            hide_in_query(query + 1);
    }
}

void cli_hide_value(char *setting)
{
    char *equals = strchr(setting, '=');
    if (equals)
        (void)hide(equals + 1, strlen(equals + 1));
}
