/* An environment and a home of a test's own. */
#ifndef TESTS_FAKE_ENV_H
#define TESTS_FAKE_ENV_H

#include "aws/env.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FAKE_ENV_VARIABLES_MAX = 32 };

struct fake_env {
    struct bkt_env env; /* pass &fake.env */
    char home[64];      /* a directory of its own, HOME; "" until fake_env_init() */
    char names[FAKE_ENV_VARIABLES_MAX][64];
    char values[FAKE_ENV_VARIABLES_MAX][512];
    size_t count;
};

static inline const char *fake_env_get(void *ctx, const char *name)
{
    const struct fake_env *fake = ctx;
    for (size_t i = fake->count; i > 0; i--) {
        if (strcmp(fake->names[i - 1], name) == 0)
            return fake->values[i - 1];
    }
    return NULL;
}

/* The last value set counts. */
static inline void fake_env_set(struct fake_env *fake, const char *name, const char *value)
{
    if (fake->count == FAKE_ENV_VARIABLES_MAX)
        abort();
    (void)snprintf(fake->names[fake->count], sizeof(fake->names[0]), "%s", name);
    (void)snprintf(fake->values[fake->count], sizeof(fake->values[0]), "%s", value);
    fake->count++;
}

static inline void fake_env_init(struct fake_env *fake)
{
    *fake = (struct fake_env){.env = {.get = fake_env_get, .ctx = fake}};
    (void)snprintf(fake->home, sizeof(fake->home), "/tmp/bkt-test-XXXXXX");
    if (!mkdtemp(fake->home))
        abort();
    fake_env_set(fake, "HOME", fake->home);
}

/* A file below HOME, its directories made; "name" is like ".aws/config". */
static inline void fake_env_write(struct fake_env *fake, const char *name, const char *text)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/%s", fake->home, name);
    for (char *slash = strchr(path + strlen(fake->home) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(path, 0700);
        *slash = '/';
    }
    FILE *file = fopen(path, "wb");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0)
        abort();
}

static inline void fake_env_remove(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    while (dir && (entry = readdir(dir)) != NULL) {
        char inner[1024];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name) < (int)sizeof(inner))
            fake_env_remove(inner);
    }
    if (dir)
        (void)closedir(dir);
    (void)remove(path);
}

static inline void fake_env_clear(struct fake_env *fake)
{
    fake_env_remove(fake->home);
}

#endif
