#include "core/mem.h"
#include "glob/glob_match.h"

#define NO_ENTRY UINT32_MAX
#define NO_GLOB  UINT32_MAX

enum { GLOBS_MAX = 1 << 20 };

/*
 * One glob, or one simple of it, in the list of those that a path must be compared with. The word
 * settles nearly all of them: up to eight bytes at the end of the path that the list goes by.
 */
struct entry {
    uint64_t word;
    uint64_t mask;
    const struct bkt_glob_simple *simple; /* NULL: ask the glob */
    uint32_t glob;
    uint32_t next;
};

/* In the order in which the globs were added. */
struct list {
    uint32_t first;
    uint32_t last;
};

struct bkt_glob_set {
    struct bkt_glob **globs;
    uint32_t count;
    uint32_t capacity;
    struct entry *entries;
    uint32_t entry_count;
    uint32_t entry_capacity;
    struct list by_first[256]; /* globs whose matches begin with this byte */
    struct list by_last[256];  /* of the others, those whose matches end with it */
    struct list rest;
};

int bkt_glob_set_new(struct bkt_glob_set **out_set, struct bkt_error *err)
{
    struct bkt_glob_set *set = bkt_mem_calloc(1, sizeof(*set));
    if (!set)
        return bkt_error_set(err, BKT_ENOMEM, "make a set of globs: out of memory");
    set->rest = (struct list){NO_ENTRY, NO_ENTRY};
    for (size_t i = 0; i < 256; i++)
        set->by_first[i] = set->by_last[i] = set->rest;
    *out_set = set;
    return BKT_OK;
}

/* `bytes` at the front of a word, or with `at_end` at its back. */
static uint64_t to_word(const char *bytes, size_t len, bool at_end)
{
    char image[8] = {0};
    uint64_t word;
    memcpy(image + (at_end ? 8 - len : 0), bytes, len);
    memcpy(&word, image, sizeof(word));
    return word;
}

static void set_filter(struct entry *entry, const char *bytes, size_t len, bool at_end)
{
    static const char ones[8] = {-1, -1, -1, -1, -1, -1, -1, -1};
    entry->word = to_word(bytes, len, at_end);
    entry->mask = to_word(ones, len, at_end);
}

static void append(struct bkt_glob_set *set, struct list *list, struct entry entry)
{
    uint32_t index = set->entry_count++;
    entry.next = NO_ENTRY;
    set->entries[index] = entry;
    uint32_t *link = list->first == NO_ENTRY ? &list->first : &set->entries[list->last].next;
    *link = index;
    list->last = index;
}

/* `head` and `tail` are the literals that every match begins and ends with. */
static void add_entry(struct bkt_glob_set *set,
                      const struct bkt_glob_simple *simple,
                      struct bkt_str head,
                      struct bkt_str tail)
{
    struct entry entry = {.simple = simple, .glob = set->count};
    if (head.len > 0) {
        set_filter(&entry, head.ptr, head.len < 8 ? head.len : 8, false);
        append(set, &set->by_first[(unsigned char)head.ptr[0]], entry);
    } else if (tail.len > 0) {
        size_t len = tail.len < 8 ? tail.len : 8;
        set_filter(&entry, tail.ptr + (tail.len - len), len, true);
        append(set, &set->by_last[(unsigned char)tail.ptr[tail.len - 1]], entry);
    } else {
        append(set, &set->rest, entry);
    }
}

static void add_entries(struct bkt_glob_set *set, const struct bkt_glob *glob)
{
    const struct bkt_glob_simples *simples = &glob->simples;
    bool dissolved = simples->items && !glob->program.refuses_dotdot;
    for (size_t i = 0; dissolved && i < simples->count; i++)
        add_entry(set, &simples->items[i], simples->items[i].head, simples->items[i].tail);
    if (dissolved)
        return;

    const struct bkt_glob_program *program = &glob->program;
    char head[8];
    char tail[8];
    size_t head_len = program->head_len < 8 ? program->head_len : 8;
    size_t tail_len = program->tail_len < 8 ? program->tail_len : 8;
    for (size_t i = 0; i < head_len; i++)
        head[i] = (char)(unsigned char)program->insts[i].arg;
    const struct bkt_glob_inst *from = &program->insts[program->count - 1 - tail_len];
    for (size_t i = 0; i < tail_len; i++)
        tail[i] = (char)(unsigned char)from[i].arg;
    add_entry(set, NULL, (struct bkt_str){head, head_len}, (struct bkt_str){tail, tail_len});
}

/* Room for one more glob and all its entries. */
static int reserve(struct bkt_glob_set *set)
{
    if (set->count == set->capacity) {
        uint32_t capacity = set->capacity > 0 ? set->capacity * 2 : 8;
        struct bkt_glob **globs = bkt_mem_realloc(set->globs, capacity * sizeof(struct bkt_glob *));
        if (!globs)
            return BKT_ENOMEM;
        set->globs = globs;
        set->capacity = capacity;
    }
    if (set->entry_capacity - set->entry_count < BKT_GLOB_SIMPLES_MAX) {
        uint32_t capacity = set->entry_capacity * 2 + BKT_GLOB_SIMPLES_MAX;
        struct entry *entries = bkt_mem_realloc(set->entries, capacity * sizeof(*entries));
        if (!entries)
            return BKT_ENOMEM;
        set->entries = entries;
        set->entry_capacity = capacity;
    }
    return BKT_OK;
}

int bkt_glob_set_add(struct bkt_glob_set *set,
                     const char *pattern,
                     size_t pattern_len,
                     struct bkt_error *err)
{
    if (set->count == GLOBS_MAX) {
        return bkt_error_set(err, BKT_ELIMIT, "add to a set of globs: it has %d already",
                             GLOBS_MAX);
    }
    if (reserve(set))
        return bkt_error_set(err, BKT_ENOMEM, "add to a set of globs: out of memory");

    struct bkt_glob *glob = NULL;
    int rc = bkt_glob_new(pattern, pattern_len, &glob, err);
    if (rc)
        return rc;
    add_entries(set, glob);
    set->globs[set->count++] = glob;
    return BKT_OK;
}

/* The lowest glob of the list that matches and is below `best`, else `best`. */
static uint32_t search(const struct bkt_glob_set *set,
                       const struct list *list,
                       uint64_t word,
                       struct bkt_str path,
                       uint32_t best)
{
    for (uint32_t at = list->first; at != NO_ENTRY;) {
        const struct entry *entry = &set->entries[at];
        if (entry->glob >= best)
            return best;
        at = entry->next;
        if ((word ^ entry->word) & entry->mask)
            continue;
        if (entry->simple ? bkt_glob_simple_matches(entry->simple, path)
                          : bkt_glob_matches(set->globs[entry->glob], path.ptr, path.len))
            return entry->glob;
    }
    return best;
}

/* With `any` the first one met will do. */
static uint32_t find(const struct bkt_glob_set *set, struct bkt_str path, bool any)
{
    uint32_t best = NO_GLOB;
    if (path.len > 0) {
        uint64_t front;
        uint64_t back;
        if (path.len >= 8) {
            memcpy(&front, path.ptr, 8);
            memcpy(&back, path.ptr + (path.len - 8), 8);
        } else {
            front = to_word(path.ptr, path.len, false);
            back = to_word(path.ptr, path.len, true);
        }
        unsigned char first = (unsigned char)path.ptr[0];
        unsigned char last = (unsigned char)path.ptr[path.len - 1];
        best = search(set, &set->by_last[last], back, path, best);
        if (any && best != NO_GLOB)
            return best;
        best = search(set, &set->by_first[first], front, path, best);
        if (any && best != NO_GLOB)
            return best;
    }
    return search(set, &set->rest, 0, path, best);
}

bool bkt_glob_set_matches(const struct bkt_glob_set *set, const char *path, size_t path_len)
{
    return find(set, (struct bkt_str){path, path_len}, true) != NO_GLOB;
}

bool bkt_glob_set_find(const struct bkt_glob_set *set,
                       const char *path,
                       size_t path_len,
                       size_t *out_index)
{
    uint32_t glob = find(set, (struct bkt_str){path, path_len}, false);
    if (glob == NO_GLOB)
        return false;
    *out_index = glob;
    return true;
}

size_t bkt_glob_set_count(const struct bkt_glob_set *set)
{
    return set->count;
}

void bkt_glob_set_free(struct bkt_glob_set *set)
{
    if (!set)
        return;
    for (uint32_t i = 0; i < set->count; i++)
        bkt_glob_free(set->globs[i]);
    bkt_mem_free(set->globs);
    bkt_mem_free(set->entries);
    bkt_mem_free(set);
}
