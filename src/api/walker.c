#include "api/walker.h"

#include "core/mem.h"

/* Nothing that the state holds is newer: it was looked at before the first page was asked for. */
static const uint64_t clock_at_the_end = UINT64_MAX;

int bkt_walker_begin(struct bkt_walker *walker, struct bkt_asker *asker, struct bkt_error *err)
{
    *walker = (struct bkt_walker){.asker = asker};
    return bkt_lister_new(asker->bucket.filter, &walker->lister, err);
}

void bkt_walker_end(struct bkt_walker *walker)
{
    bkt_walker_free(walker->page);
    bkt_lister_free(walker->lister);
    *walker = (struct bkt_walker){0};
}

void bkt_walker_free(struct bkt_merge *merge)
{
    if (!merge)
        return;
    bkt_merge_clear(merge);
    bkt_mem_free(merge);
}

static void free_page(void *owner)
{
    bkt_s3_page_free(owner);
}

static struct bkt_page page_of(struct bkt_s3_page *answer)
{
    return (struct bkt_page){
        .objects = answer->page.objects,
        .object_count = answer->page.object_count,
        .is_truncated = answer->page.is_truncated,
        .next_token = answer->page.next_token,
        .owner = answer,
        .free = free_page,
    };
}

/* Ask for the next page; `walker->page` stays NULL after the last one. */
static int fetch(struct bkt_walker *walker, struct bkt_error *err)
{
    struct bkt_list_request request;
    if (walker->page || !bkt_lister_next(walker->lister, clock_at_the_end, &request))
        return BKT_OK;
    struct bkt_s3_page *answer;
    int rc = bkt_asker_page(walker->asker, &request, &answer, err);
    if (rc)
        return rc;
    struct bkt_page page = page_of(answer);
    struct bkt_merge *merge = bkt_mem_calloc(1, sizeof(*merge));
    if (!merge) {
        bkt_s3_page_free(answer);
        return bkt_error_set(err, BKT_ENOMEM, "list the bucket: out of memory");
    }
    rc = bkt_lister_page(walker->lister, request.chain, &page, &merge->arena, &merge->covered, err);
    if (rc) {
        bkt_s3_page_free(answer);
        bkt_walker_free(merge);
        return rc;
    }
    bkt_merge_begin(merge, &page);
    walker->page = merge;
    return BKT_OK;
}

static int take_gap(struct bkt_walker *walker, struct bkt_merge **out_merge, struct bkt_error *err)
{
    struct bkt_merge *merge = bkt_mem_calloc(1, sizeof(*merge));
    if (!merge)
        return bkt_error_set(err, BKT_ENOMEM, "list the bucket: out of memory");
    merge->covered = walker->gap;
    bkt_merge_begin(merge, NULL);
    walker->has_gap = false;
    *out_merge = merge;
    return BKT_OK;
}

int bkt_walker_next(struct bkt_walker *walker, struct bkt_merge **out_merge, struct bkt_error *err)
{
    int rc = fetch(walker, err);
    if (rc)
        return rc;
    if (!walker->has_gap)
        walker->has_gap = bkt_lister_next_gap(walker->lister, clock_at_the_end, &walker->gap);
    bool is_gap_next = walker->has_gap &&
                       (!walker->page ||
                        bkt_str_cmp(walker->gap.span.after, walker->page->covered.span.after) < 0);
    if (is_gap_next)
        return take_gap(walker, out_merge, err);
    *out_merge = walker->page;
    walker->page = NULL;
    return BKT_OK;
}
