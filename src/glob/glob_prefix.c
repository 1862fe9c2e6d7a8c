#include "glob/glob_prefix.h"

#include "core/mem.h"
#include "glob/glob_match.h"

#include <stdlib.h>

/* One way into the program, up to where it is no literal any more. */
struct walk {
    uint32_t at;
    bool done;
    size_t len;
    char bytes[BKT_GLOB_PREFIX_BYTES_MAX];
};

static int compare(const void *a, const void *b)
{
    const struct bkt_str *left = a;
    const struct bkt_str *right = b;
    return bkt_str_cmp(*left, *right);
}

/* Sort, and drop what begins with another: the shorter one comes right before it. */
static void reduce(struct bkt_glob_prefixes *prefixes)
{
    struct bkt_str *items = prefixes->items;
    size_t kept = 0;
    if (prefixes->count > 1)
        qsort(items, prefixes->count, sizeof(*items), compare);
    for (size_t i = 0; i < prefixes->count; i++) {
        if (kept == 0 || !bkt_str_has_prefix(items[i], items[kept - 1]))
            items[kept++] = items[i];
    }
    prefixes->count = kept;
}

/* On to a fork or to the end of what is literal. */
static void go_on(const struct bkt_glob_program *program, struct walk *walk)
{
    while (!walk->done) {
        const struct bkt_glob_inst *inst = &program->insts[walk->at];
        if (inst->op == BKT_GLOB_OP_SPLIT)
            return;
        if (inst->op == BKT_GLOB_OP_JUMP) {
            walk->at = inst->arg;
        } else if (inst->op == BKT_GLOB_OP_BYTE && walk->len < BKT_GLOB_PREFIX_BYTES_MAX) {
            walk->bytes[walk->len++] = (char)(unsigned char)inst->arg;
            walk->at++;
        } else {
            walk->done = true;
        }
    }
}

/*
 * All walks advance by one fork a round, so that when there is no room for more they end at about
 * the same depth: a walk that may not fork ends in front of the fork, and what it has so far stands
 * for all ways onward.
 */
static size_t walk_all(const struct bkt_glob_program *program, struct walk *walks)
{
    size_t count = 1;
    for (bool again = true; again;) {
        again = false;
        for (size_t i = 0, before = count; i < before; i++) {
            struct walk *walk = &walks[i];
            go_on(program, walk);
            if (walk->done)
                continue;
            if (count == BKT_GLOB_PREFIXES_MAX) {
                walk->done = true;
                continue;
            }
            walks[count] = *walk;
            walks[count++].at = program->insts[walk->at].arg;
            walk->at++;
            again = true;
        }
    }
    return count;
}

int bkt_glob_find_prefixes(const struct bkt_glob *glob,
                           struct bkt_arena *arena,
                           struct bkt_glob_prefixes *out_prefixes)
{
    int rc = BKT_OK;
    struct bkt_glob_prefixes found = {0};
    struct walk *walks = bkt_mem_calloc(BKT_GLOB_PREFIXES_MAX, sizeof(*walks));
    if (!walks)
        return BKT_ENOMEM;

    size_t count = walk_all(&glob->program, walks);
    found.items = bkt_arena_alloc(arena, count * sizeof(*found.items));
    if (!found.items) {
        rc = BKT_ENOMEM;
        goto done;
    }
    for (size_t i = 0; i < count; i++)
        found.items[found.count++] = (struct bkt_str){walks[i].bytes, walks[i].len};
    reduce(&found);
    for (size_t i = 0; i < found.count && rc == BKT_OK; i++)
        rc = bkt_arena_dup(arena, found.items[i], &found.items[i]);
    if (rc == BKT_OK)
        *out_prefixes = found;

done:
    bkt_mem_free(walks);
    return rc;
}

/*
 * Is every ancestor path of a key below `path` sure to be looked at in this very form? Empty
 * components are left to those who compare keys one by one.
 */
static bool is_plain_directory(struct bkt_str path)
{
    if (path.len == 0 || path.ptr[0] == '/')
        return false;
    for (size_t i = 1; i < path.len; i++) {
        if (path.ptr[i] == '/' && path.ptr[i - 1] == '/')
            return false;
    }
    return true;
}

int bkt_glob_find_excluded(const struct bkt_glob *glob,
                           struct bkt_arena *arena,
                           struct bkt_glob_prefixes *out_prefixes)
{
    struct bkt_glob_prefixes found = {0};
    const struct bkt_glob_simples *simples = &glob->simples;
    found.items = bkt_arena_alloc(arena, BKT_GLOB_SIMPLES_MAX * sizeof(*found.items));
    if (!found.items)
        return BKT_ENOMEM;

    /* A glob that refuses `..` does not match all that its simples say. */
    for (size_t i = 0; i < simples->count && !glob->program.refuses_dotdot; i++) {
        const struct bkt_glob_simple *simple = &simples->items[i];
        struct bkt_str head = simple->head;
        if (simple->star ? simple->tail.len > 0 : !is_plain_directory(head))
            continue;
        char *copy = bkt_arena_alloc(arena, head.len + 1);
        if (!copy)
            return BKT_ENOMEM;
        if (head.len > 0)
            memcpy(copy, head.ptr, head.len);
        struct bkt_str prefix = {copy, head.len};
        if (!simple->star && copy[head.len - 1] != '/')
            copy[prefix.len++] = '/';
        found.items[found.count++] = prefix;
    }
    reduce(&found);
    *out_prefixes = found;
    return BKT_OK;
}
