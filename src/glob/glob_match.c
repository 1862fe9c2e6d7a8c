#include "glob/glob_match.h"

#include "core/mem.h"

int bkt_glob_new(const char *pattern,
                 size_t pattern_len,
                 struct bkt_glob **out_glob,
                 struct bkt_error *err)
{
    struct bkt_glob_tokens tokens = {0};
    struct bkt_glob *glob = bkt_mem_calloc(1, sizeof(*glob));
    if (!glob)
        return bkt_error_set(err, BKT_ENOMEM, "compile a glob pattern: out of memory");

    int rc = bkt_glob_parse((struct bkt_str){pattern, pattern_len}, &tokens, NULL, err);
    if (rc)
        goto done;
    rc = bkt_glob_program_make(&tokens, &glob->program, err);
    if (rc)
        goto done;
    rc = bkt_glob_simples_make(&glob->program, &glob->simples, err);
    if (rc)
        goto done;
    if (!glob->simples.items) {
        rc = bkt_glob_nfa_make(&glob->program, &glob->nfa, err);
        if (rc)
            goto done;
    }
    *out_glob = glob;
    glob = NULL;

done:
    bkt_glob_tokens_clear(&tokens);
    bkt_glob_free(glob);
    return rc;
}

static bool ends_in_dotdot(struct bkt_str path)
{
    if (path.len < 2 || memcmp(path.ptr + path.len - 2, "..", 2) != 0)
        return false;
    return path.len == 2 || path.ptr[path.len - 3] == '/';
}

/* The literals at both ends rule most paths out before a state is looked at. */
static bool may_match(const struct bkt_glob_program *program, struct bkt_str path)
{
    if (path.len < program->bytes_min)
        return false;
    for (uint32_t i = 0; i < program->head_len; i++) {
        if (program->insts[i].arg != (unsigned char)path.ptr[i])
            return false;
    }
    const struct bkt_glob_inst *match = &program->insts[program->count - 1];
    for (uint32_t i = 1; i <= program->tail_len; i++) {
        if ((match - i)->arg != (unsigned char)path.ptr[path.len - i])
            return false;
    }
    return true;
}

bool bkt_glob_matches(const struct bkt_glob *glob, const char *path, size_t path_len)
{
    struct bkt_str whole = {path, path_len};
    const struct bkt_glob_program *program = &glob->program;
    if (program->refuses_dotdot && ends_in_dotdot(whole))
        return false;

    for (size_t i = 0; i < glob->simples.count; i++) {
        if (bkt_glob_simple_matches(&glob->simples.items[i], whole))
            return true;
    }
    if (glob->simples.items || !may_match(program, whole))
        return false;
    struct bkt_str rest = {path + program->head_len, path_len - program->head_len};
    return glob->nfa ? bkt_glob_nfa_matches(glob->nfa, rest)
                     : bkt_glob_program_matches(program, rest);
}

void bkt_glob_free(struct bkt_glob *glob)
{
    if (!glob)
        return;
    bkt_glob_simples_clear(&glob->simples);
    bkt_mem_free(glob->nfa);
    bkt_glob_program_clear(&glob->program);
    bkt_mem_free(glob);
}
