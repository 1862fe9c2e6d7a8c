/* The driver: does what an engine wants, late and with faults, as the program's own loop would. */
#include "sim.h"

#include "core/mem.h"

enum { BACK_IN_TIME_MS = 3000 };

static void give_back(struct sim_process *process)
{
    struct sim_world *world = process->world;
    for (uint32_t i = 0; i < world->receipt_count; i++) {
        if (world->receipts[i].process == process)
            world->receipts[i].is_out = false;
    }
}

static void on_event(void *ctx,
                     enum bkt_engine_event event,
                     struct bkt_str key,
                     struct bkt_str text)
{
    static const char *const names[] = {"upsert",  "delete", "failed",
                                        "listing", "listed", "trouble"};
    struct sim_process *process = ctx;
    sim_trace(process->world, "P%u tells: %s %.*s %.*s", process->name, names[event],
              BKT_STR_ARG(key), BKT_STR_ARG(text));
    switch (event) {
    case BKT_EVENT_FAILED:
        sim_check_failed(process);
        process->told[event]++;
        return;
    case BKT_EVENT_UPSERT:
    case BKT_EVENT_DELETE:
        process->told[event]++;
        return;
    case BKT_EVENT_LISTED:
        process->world->stats->listings++;
        sim_check_listed(process);
        return;
    case BKT_EVENT_LISTING:
    case BKT_EVENT_TROUBLE:
        return;
    }
}

static void on_settled(void *ctx, void *ticket)
{
    struct sim_process *process = ctx;
    struct sim_receipt *receipt = ticket;
    struct sim_world *world = process->world;
    sim_check_settled(process, receipt);
    sim_trace(world, "P%u settles message %u", process->name, receipt->message);
    receipt->is_out = false;
    process->receipts_out--;
    world->stats->settled++;
    sim_at(world, sim_latency_ms(world), SIM_DELETE_MESSAGE, process, receipt->message);
}

static bool make_engine(struct sim_process *process)
{
    struct sim_world *world = process->world;
    const struct sim_spec *spec = &sim_specs()[process->spec];
    struct bkt_table_spec table = {.columns = spec->columns, .binary = spec->policy.binary};
    process->target = sim_target(process);
    struct bkt_engine_options options = {
        .filter = spec->filter,
        .bucket = "sim",
        .target = &process->target,
        .policy = spec->policy,
        .columns = spec->columns,
        .list_concurrency = world->list_concurrency,
        .get_concurrency = world->get_concurrency,
        .memory_limit = world->memory_limit,
        .max_deletes = {.value = world->is_guarded ? world->max_deletes : UINT64_MAX},
        .seed = world->seed,
        .is_live = process->is_live,
        .on_event = on_event,
        .on_settled = on_settled,
        .ctx = process,
    };
    return process->target.ops->attach(process, &table, &options.attached, NULL) == BKT_OK &&
           bkt_engine_new(&options, &process->engine, NULL) == BKT_OK;
}

void sim_process_start(struct sim_world *world, unsigned slot)
{
    if (world->slots[slot] || world->process_count == SIM_PROCESSES)
        return;
    struct sim_process *process = bkt_mem_calloc(1, sizeof(*process));
    if (!process) {
        sim_fail(world, "the simulation is out of memory");
        return;
    }
    process->world = world;
    process->name = world->process_count;
    process->slot = slot;
    process->is_live = world->slot_is_live[slot];
    process->spec = world->spec;
    process->timer_ms = -1;
    world->slots[slot] = process;
    world->processes[world->process_count++] = process;
    if (!make_engine(process)) {
        sim_fail(world, "the engine does not start");
        return;
    }
    sim_trace(world, "P%u starts with spec %u%s", process->name, process->spec,
              process->is_live ? ", live" : "");
    bkt_engine_list(process->engine);
    if (process->is_live)
        sim_at(world, sim_between(&world->rng, 1, 20), SIM_POLL, process, 0);
    sim_process_pump(process);
}

void sim_process_die(struct sim_process *process)
{
    if (process->is_dead)
        return;
    process->is_dead = true;
    process->world->slots[process->slot] = NULL;
    give_back(process);
    /* A commit under way may still reach the database; what was not sent does not. */
    bool goes_on =
        process->is_job_running && !process->is_dying && sim_chance(&process->world->rng, 500);
    if (!goes_on)
        process->is_job_running = false;
}

void sim_process_free(struct sim_process *process)
{
    if (!process)
        return;
    for (size_t i = 0; i < process->job_count; i++)
        bkt_job_free(process->jobs[i]);
    for (size_t i = 0; i < SIM_CHAINS; i++)
        sim_page_free(process->lists[i].page);
    bkt_engine_free(process->engine);
    bkt_mem_free(process);
}

/* The process has come to an end of its own. */
static void end(struct sim_process *process)
{
    struct sim_world *world = process->world;
    unsigned slot = process->slot;
    sim_trace(world, "P%u ends", process->name);
    sim_process_die(process);
    if (!world->is_resting || process->is_live)
        sim_at(world, sim_between(&world->rng, 1, 300), SIM_START, NULL, slot);
}

static void failed(struct sim_process *process, int rc, const struct bkt_error *err)
{
    struct sim_world *world = process->world;
    sim_trace(world, "P%u fails: %s", process->name, err->message);
    bool is_expected = process->is_dying || rc == BKT_EFOREIGN || rc == BKT_EGUARD ||
                       (rc == BKT_ETARGET && (!err->retriable || process->is_stopping)) ||
                       (rc == BKT_ES3 && world->bucket_back_ms > 0) || !process->is_live;
    if (!is_expected)
        sim_fail(world, "P%u gives up though it lives and the failure is transient: %d %s",
                 process->name, rc, err->message);
    end(process);
}

/* Questions to the bucket. */

static void begin_read(struct sim_process *process, const struct bkt_want *want)
{
    struct sim_world *world = process->world;
    if (want->id >= SIM_READS || process->reads[want->id].is_used) {
        sim_fail(world, "P%u reads more at a time than it was told to", process->name);
        return;
    }
    process->reads[want->id] = (struct sim_read){.is_used = true,
                                                 .key = sim_key_index(want->read.key),
                                                 .if_none_match = want->read.if_none_match};
    sim_trace(world, "P%u reads %.*s if not %.*s", process->name, BKT_STR_ARG(want->read.key),
              BKT_STR_ARG(want->read.if_none_match));
    sim_at(world, sim_latency_ms(world), SIM_READ_SERVED, process, want->id);
}

static void serve_read(struct sim_process *process, uint64_t id)
{
    struct sim_world *world = process->world;
    struct sim_read *read = &process->reads[id];
    read->seen = world->bucket.objects[read->key];
    read->seen.is_valid = true;
    const struct sim_content *content = &sim_contents[read->seen.content];
    /* Who was lied to asks about the bucket next; this one is not back before that. */
    bool is_nearly_back =
        world->bucket.is_gone && world->now_ms + BACK_IN_TIME_MS > world->bucket_back_ms;
    if (is_nearly_back || sim_chance(&world->rng, world->faults.read_fails)) {
        read->seen.is_failed = true;
        read->kind = BKT_READ_FAILED;
    } else if (world->bucket.is_gone) {
        read->seen.is_lie = true;
        read->kind = BKT_READ_ABSENT;
    } else if (!read->seen.exists) {
        read->kind = BKT_READ_ABSENT;
    } else if (read->if_none_match.len > 0 && bkt_str_eq(read->if_none_match, content->etag)) {
        read->kind = BKT_READ_NOT_MODIFIED;
    } else {
        read->kind = bkt_engine_admit(process->engine, id, content->bytes.len) ? BKT_READ_OBJECT
                                                                               : BKT_READ_STOPPED;
    }
    sim_at(world, sim_latency_ms(world), SIM_READ_ANSWERED, process, id);
}

static void answer_read(struct sim_process *process, uint64_t id)
{
    static const char *const names[] = {"object", "not modified", "absent", "stopped", "failed"};
    struct sim_world *world = process->world;
    struct sim_read *read = &process->reads[id];
    const struct sim_content *content = &sim_contents[read->seen.content];
    struct bkt_buf body = BKT_BUF_INIT(4096);
    struct bkt_read answer = {.kind = read->kind, .body = &body};
    if (read->kind == BKT_READ_OBJECT || read->kind == BKT_READ_STOPPED)
        answer.object = sim_object(read->key, &read->seen);
    if (read->kind == BKT_READ_OBJECT && bkt_buf_append(&body, content->bytes) != BKT_OK)
        sim_fail(world, "the simulation is out of memory");
    if (read->kind == BKT_READ_FAILED)
        answer.reason = BKT_STR("simulated 403");
    read->is_used = false;
    process->read[read->key] = read->seen;
    sim_trace(world, "P%u is answered: %.*s is %s, version %u", process->name,
              BKT_STR_ARG(sim_keys[read->key]), names[read->kind], read->seen.version);
    bkt_engine_read(process->engine, id, &answer);
    bkt_buf_clear(&body);
}

static void begin_list(struct sim_process *process, const struct bkt_want *want)
{
    struct sim_world *world = process->world;
    if (want->id >= SIM_CHAINS) {
        sim_fail(world, "P%u has more chains than the simulation", process->name);
        return;
    }
    if (process->lists[want->id].is_used || process->lists_out++ == world->list_concurrency) {
        sim_fail(world, "P%u lists more at a time than it was told to", process->name);
        return;
    }
    process->lists[want->id] = (struct sim_list){.is_used = true, .request = want->list};
    sim_trace(world, "P%u asks chain %u for a page below \"%.*s\" after \"%.*s\", token \"%.*s\"",
              process->name, (unsigned)want->list.chain, BKT_STR_ARG(want->list.prefix),
              BKT_STR_ARG(want->list.start_after), BKT_STR_ARG(want->list.token));
    sim_at(world, sim_latency_ms(world), SIM_PAGE_SERVED, process, want->id);
}

static void serve_list(struct sim_process *process, uint64_t id)
{
    struct sim_world *world = process->world;
    struct sim_list *list = &process->lists[id];
    enum sim_lie lie = SIM_LIE_NONE;
    if (sim_chance(&world->rng, world->faults.list_lies))
        lie = (enum sim_lie)sim_below(&world->rng, SIM_LIE_COUNT);
    bool fails = world->bucket.is_gone || sim_chance(&world->rng, world->faults.list_fails);
    if (!fails) {
        list->page = sim_bucket_list(&world->bucket, &world->rng, &list->request, lie);
        if (!list->page)
            sim_fail(world, "the simulation is out of memory");
    }
    sim_at(world, sim_latency_ms(world), SIM_PAGE_ANSWERED, process, id);
}

/*
 * What proves a key absent is the page that the engine takes the proof from: of a chain that has
 * come that far, and of those the one that began last. A server that ignores start-after shows keys
 * before the chain's beginning, too, and these it drops.
 */
static void note_listed(struct sim_process *process,
                        const struct bkt_list_request *request,
                        const struct sim_seen *seen)
{
    unsigned *from = &process->chain_from[request->chain];
    if (request->token.len == 0) {
        *from = 0;
        while (request->start_after.len > 0 && *from < SIM_KEYS &&
               bkt_str_cmp(sim_keys[*from], request->start_after) <= 0)
            ++*from;
    }
    for (unsigned key = *from; key < SIM_KEYS; key++) {
        bool is_anew = *from > process->listed_from[key];
        if (!seen[key].is_valid || (process->listed[key].is_valid && !is_anew))
            continue;
        process->listed[key] = seen[key];
        process->listed_from[key] = *from;
    }
}

static void answer_list(struct sim_process *process, uint64_t id)
{
    struct sim_world *world = process->world;
    struct sim_list *list = &process->lists[id];
    struct sim_page *page = list->page;
    list->page = NULL;
    list->is_used = false;
    process->lists_out--;
    if (!page) {
        struct bkt_error err;
        int code = world->bucket_back_ms > 0 ? BKT_ES3 : BKT_ENET;
        (void)bkt_error_set(&err, code, "simulated failure of a listing");
        err.retriable = code == BKT_ENET;
        sim_trace(world, "P%u: the listing fails", process->name);
        bkt_engine_listed(process->engine, id, NULL, &err);
        return;
    }
    struct bkt_page view = sim_page_view(page);
    note_listed(process, &list->request, sim_page_seen(page));
    if (world->is_traced) {
        sim_trace(world, "P%u is answered a page of chain %u, %zu objects%s", process->name,
                  (unsigned)list->request.chain, view.object_count,
                  view.is_truncated ? ", truncated" : "");
        for (size_t i = 0; i < view.object_count; i++)
            sim_trace(world, "    %.*s %.*s", BKT_STR_ARG(view.objects[i].key),
                      BKT_STR_ARG(view.objects[i].etag));
    }
    bkt_engine_listed(process->engine, id, &view, NULL);
}

static void serve_bucket(struct sim_process *process)
{
    struct sim_world *world = process->world;
    process->bucket_answer = (struct bkt_error){.code = BKT_OK};
    if (world->bucket.is_gone)
        (void)bkt_error_set(&process->bucket_answer, BKT_ES3, "simulated NoSuchBucket");
    sim_at(world, sim_latency_ms(world), SIM_BUCKET_ANSWERED, process, 0);
}

/* Jobs run one after the other, on what stands for the writer's thread. */

static void begin_job(struct sim_process *process)
{
    struct sim_world *world = process->world;
    if (process->is_job_running || process->job_count == 0 || process->is_dead)
        return;
    process->is_job_running = true;
    process->is_job_done = false;
    sim_at(world, sim_latency_ms(world), SIM_JOB_RUNS, process, 0);
}

static void run_job(struct sim_process *process)
{
    struct sim_world *world = process->world;
    if (!process->is_job_running)
        return;
    bkt_job_run(process->jobs[0], &process->target);
    process->is_job_done = true;
    if (process->is_dead) {
        process->is_job_running = false;
        return;
    }
    if (process->is_dying) {
        unsigned slot = process->slot;
        world->stats->crashes++;
        sim_trace(world, "P%u crashes in its writer", process->name);
        sim_process_die(process);
        sim_at(world, sim_between(&world->rng, 1, 300), SIM_START, NULL, slot);
        return;
    }
    sim_at(world, sim_latency_ms(world), SIM_JOB_IS_DONE, process, 0);
}

static void finish_job(struct sim_process *process)
{
    struct bkt_job *job = process->jobs[0];
    process->job_count--;
    memmove(process->jobs, process->jobs + 1, process->job_count * sizeof(struct bkt_job *));
    process->is_job_running = false;
    if (job->rc && !job->err.retriable)
        sim_trace(process->world, "P%u: a job fails: %s", process->name, job->err.message);
    bkt_engine_job_done(process->engine, job);
    begin_job(process);
}

static void give_job(struct sim_process *process, struct bkt_job *job)
{
    if (process->job_count == SIM_JOBS) {
        sim_fail(process->world, "P%u gives out more jobs than it may", process->name);
        bkt_job_free(job);
        return;
    }
    process->jobs[process->job_count++] = job;
    begin_job(process);
}

static bool serve_want(struct sim_process *process, const struct bkt_want *want)
{
    switch (want->kind) {
    case BKT_WANT_NOTHING:
        return false;
    case BKT_WANT_LIST:
        begin_list(process, want);
        return true;
    case BKT_WANT_READ:
        begin_read(process, want);
        return true;
    case BKT_WANT_BUCKET:
        sim_at(process->world, sim_latency_ms(process->world), SIM_BUCKET_SERVED, process, 0);
        return true;
    case BKT_WANT_JOB:
        give_job(process, want->job);
        return true;
    }
    return false;
}

static void set_timer(struct sim_process *process)
{
    struct sim_world *world = process->world;
    int wait_ms = bkt_engine_wait_ms(process->engine, world->now_ms);
    if (wait_ms == 0) {
        sim_fail(world, "P%u wants nothing, and to be asked again at once", process->name);
        return;
    }
    bool is_outstanding =
        process->is_job_running || process->job_count > 0 || process->lists_out > 0;
    for (size_t i = 0; i < SIM_READS && !is_outstanding; i++)
        is_outstanding = process->reads[i].is_used;
    if (wait_ms < 0 && !is_outstanding && !bkt_engine_is_idle(process->engine) &&
        !process->is_bucket_asked)
        sim_fail(world, "P%u is stuck: it waits for nothing and is not idle", process->name);
    int64_t due_ms = wait_ms < 0 ? -1 : world->now_ms + wait_ms;
    if (due_ms >= 0 && (process->timer_ms < 0 || due_ms < process->timer_ms)) {
        process->timer_ms = due_ms;
        sim_at(world, (uint32_t)wait_ms, SIM_TIMER, process, (uint64_t)due_ms);
    }
}

bool sim_process_is_idle(const struct sim_process *process)
{
    return bkt_engine_is_idle(process->engine) && process->receipts_out == 0;
}

void sim_process_pump(struct sim_process *process)
{
    struct sim_world *world = process->world;
    struct bkt_want want;
    struct bkt_error err = {.code = BKT_OK};
    int rc;
    do {
        if (process->is_dead || world->has_failed)
            return;
        rc = bkt_engine_next(process->engine, world->now_ms, &want, &err);
        if (rc) {
            failed(process, rc, &err);
            return;
        }
        if (want.kind == BKT_WANT_BUCKET)
            process->is_bucket_asked = true;
    } while (serve_want(process, &want));
    sim_check_engine(process);
    if (bkt_engine_is_idle(process->engine)) {
        if (!process->is_stopping)
            sim_check_idle(process);
        if (process->is_stopping || !process->is_live) {
            end(process);
            return;
        }
    }
    set_timer(process);
}

void sim_process_stop(struct sim_process *process)
{
    sim_trace(process->world, "P%u is to stop", process->name);
    process->is_stopping = true;
    bkt_engine_stop(process->engine);
    sim_process_pump(process);
}

/*
 * A message about a key that is no row may be deleted without a commit, but not by a process whose
 * spec is no longer the table's: for the new one it may mean a row.  Asked after the message was
 * received, since whoever brings a new spec later begins with a listing.
 */
static bool knows_the_spec(struct sim_process *process)
{
    struct bkt_clock clock;
    return process->target.ops->read_clock(process, &clock, NULL) == BKT_OK &&
           clock.epoch == process->epoch;
}

/* Take some messages from the queue. */
void sim_process_poll(struct sim_process *process)
{
    struct sim_world *world = process->world;
    const struct bkt_filter *filter = sim_specs()[process->spec].filter;
    if (process->is_stopping)
        return;
    for (uint32_t i = 0; i < 4 && bkt_engine_backlog(process->engine) < 6; i++) {
        struct sim_receipt *receipt = sim_queue_receive(process);
        if (!receipt)
            break;
        const struct sim_message *message = &world->messages[receipt->message];
        if (!bkt_filter_matches_key(filter, sim_keys[message->key]) &&
            !sim_chance(&world->rng, world->faults.unfiltered)) {
            receipt->is_out = false;
            if (!knows_the_spec(process)) {
                end(process);
                return;
            }
            sim_queue_delete(world, receipt->message);
            continue;
        }
        sim_trace(world, "P%u receives message %u: %.*s version %u", process->name,
                  receipt->message, BKT_STR_ARG(sim_keys[message->key]), message->version);
        process->receipts_out++;
        if (bkt_engine_touch(process->engine, sim_keys[message->key], receipt, NULL) != BKT_OK)
            sim_fail(world, "P%u cannot note a changed key", process->name);
    }
    sim_at(world, sim_between(&world->rng, 5, 60), SIM_POLL, process, 0);
}

void sim_process_event(struct sim_process *process, const struct sim_event *event)
{
    if (process->is_dead && event->kind != SIM_JOB_RUNS && event->kind != SIM_DELETE_MESSAGE)
        return;
    switch (event->kind) {
    case SIM_POLL:
        sim_process_poll(process);
        break;
    case SIM_DELETE_MESSAGE:
        if (!process->is_dead)
            sim_queue_delete(process->world, (uint32_t)event->id);
        return;
    case SIM_READ_SERVED:
        serve_read(process, event->id);
        return;
    case SIM_READ_ANSWERED:
        answer_read(process, event->id);
        break;
    case SIM_PAGE_SERVED:
        serve_list(process, event->id);
        return;
    case SIM_PAGE_ANSWERED:
        answer_list(process, event->id);
        break;
    case SIM_BUCKET_SERVED:
        serve_bucket(process);
        return;
    case SIM_BUCKET_ANSWERED:
        process->is_bucket_asked = false;
        bkt_engine_bucket_exists(process->engine,
                                 process->bucket_answer.code ? &process->bucket_answer : NULL);
        break;
    case SIM_JOB_RUNS:
        run_job(process);
        return;
    case SIM_JOB_IS_DONE:
        finish_job(process);
        break;
    case SIM_TIMER:
        if (process->timer_ms != (int64_t)event->id)
            return;
        process->timer_ms = -1;
        break;
    default:
        return;
    }
    sim_process_pump(process);
}
