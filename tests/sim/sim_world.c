#include "sim.h"

#include <stdarg.h>
#include <stdio.h>

void sim_fail(struct sim_world *world, const char *fmt, ...)
{
    if (world->has_failed)
        return;
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(world->failure, sizeof(world->failure), fmt, args);
    va_end(args);
    world->has_failed = true;
    sim_trace(world, "FAILED: %s", world->failure);
}

void sim_trace(const struct sim_world *world, const char *fmt, ...)
{
    if (!world->is_traced)
        return;
    va_list args;
    va_start(args, fmt);
    (void)printf("%6lld ms  ", (long long)world->now_ms);
    (void)vprintf(fmt, args);
    (void)printf("\n");
    va_end(args);
}

/* What happens when: a heap, the earliest first; what is due at once happens in the order asked. */

static bool is_before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void swap(struct sim_event *a, struct sim_event *b)
{
    struct sim_event kept = *a;
    *a = *b;
    *b = kept;
}

static void push(struct sim_world *world, struct sim_event event)
{
    if (world->event_count == SIM_EVENTS) {
        sim_fail(world, "too much is under way");
        return;
    }
    uint32_t i = world->event_count++;
    world->events[i] = event;
    for (; i > 0 && is_before(&world->events[i], &world->events[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&world->events[i], &world->events[(i - 1) / 2]);
}

static struct sim_event pop(struct sim_world *world)
{
    struct sim_event first = world->events[0];
    world->events[0] = world->events[--world->event_count];
    for (uint32_t i = 0, child; (child = 2 * i + 1) < world->event_count; i = child) {
        if (child + 1 < world->event_count &&
            is_before(&world->events[child + 1], &world->events[child]))
            child++;
        if (is_before(&world->events[i], &world->events[child]))
            break;
        swap(&world->events[i], &world->events[child]);
    }
    return first;
}

void sim_at(struct sim_world *world,
            uint32_t delay_ms,
            enum sim_event_kind kind,
            struct sim_process *process,
            uint64_t id)
{
    push(world, (struct sim_event){.at_ms = world->now_ms + delay_ms,
                                   .order = ++world->event_order,
                                   .kind = kind,
                                   .process = process,
                                   .id = id});
}

uint32_t sim_latency_ms(struct sim_world *world)
{
    if (sim_chance(&world->rng, world->faults.slow))
        return sim_between(&world->rng, 50, 900);
    return sim_between(&world->rng, 1, 25);
}

/* What writers and operators do. */

static void write_something(struct sim_world *world)
{
    struct sim_bucket *bucket = &world->bucket;
    if (world->writes_left == 0 || world->is_resting)
        return;
    world->writes_left--;
    unsigned key =
        (unsigned)(world->seed % SIM_KEYS + sim_below(&world->rng, world->hot_keys)) % SIM_KEYS;
    if (bucket->objects[key].exists && sim_chance(&world->rng, 300)) {
        sim_bucket_delete(bucket, key);
        sim_trace(world, "%.*s is deleted: version %u", BKT_STR_ARG(sim_keys[key]),
                  bucket->objects[key].version);
    } else {
        unsigned common = sim_chance(&world->rng, 700) ? 2 : SIM_CONTENTS;
        sim_bucket_put(bucket, key, sim_below(&world->rng, common));
        sim_trace(world, "%.*s is put: version %u, %.*s", BKT_STR_ARG(sim_keys[key]),
                  bucket->objects[key].version,
                  BKT_STR_ARG(sim_contents[bucket->objects[key].content].etag));
    }
    sim_queue_add(world, key);
    sim_at(world, sim_between(&world->rng, 1, world->write_gap_ms), SIM_WRITE, NULL, 0);
}

static void cut_power(struct sim_world *world)
{
    sim_trace(world, "the power is cut");
    for (unsigned i = 0; i < world->process_count; i++) {
        sim_process_die(world->processes[i]);
        world->processes[i]->is_job_running = false;
    }
    world->db = world->durable;
    for (unsigned slot = 0; slot < world->slot_count; slot++)
        sim_at(world, sim_between(&world->rng, 1, 300), SIM_START, NULL, slot);
}

static void crash(struct sim_world *world, unsigned slot)
{
    if (!world->slots[slot])
        return;
    world->stats->crashes++;
    sim_trace(world, "P%u crashes", world->slots[slot]->name);
    sim_process_die(world->slots[slot]);
    sim_at(world, sim_between(&world->rng, 1, 300), SIM_START, NULL, slot);
}

static void world_event(struct sim_world *world, const struct sim_event *event)
{
    unsigned slot = (unsigned)event->id;
    switch (event->kind) {
    case SIM_WRITE:
        write_something(world);
        return;
    case SIM_START:
        sim_process_start(world, slot);
        return;
    case SIM_STOP:
        if (world->slots[slot])
            sim_process_stop(world->slots[slot]);
        return;
    case SIM_CRASH:
        crash(world, slot);
        return;
    case SIM_POWER_CUT:
        cut_power(world);
        return;
    case SIM_LIST_AGAIN:
        if (world->slots[slot]) {
            sim_trace(world, "P%u is to list again", world->slots[slot]->name);
            bkt_engine_list(world->slots[slot]->engine);
            sim_process_pump(world->slots[slot]);
        }
        return;
    case SIM_NEW_SPEC:
        world->spec = sim_below(&world->rng, SIM_SPECS);
        sim_trace(world, "spec %u from now on", world->spec);
        if (world->slots[slot])
            crash(world, slot);
        return;
    case SIM_BUCKET_GOES:
        sim_trace(world, "the bucket is gone");
        world->bucket.is_gone = true;
        world->bucket_back_ms = world->now_ms + 8000;
        sim_at(world, 8000, SIM_BUCKET_IS_BACK, NULL, 0);
        return;
    case SIM_BUCKET_IS_BACK:
        sim_trace(world, "the bucket is back");
        world->bucket.is_gone = false;
        return;
    default:
        return;
    }
}

static void happen(struct sim_world *world, const struct sim_event *event)
{
    if (event->at_ms > world->now_ms)
        world->now_ms = event->at_ms;
    world->turns++;
    if (event->process)
        sim_process_event(event->process, event);
    else
        world_event(world, event);
}

static bool may_interrupt(const struct sim_process *process, const struct sim_event *event)
{
    return event->process != process && event->kind != SIM_CRASH && event->kind != SIM_POWER_CUT &&
           event->kind != SIM_STOP && event->kind != SIM_NEW_SPEC;
}

void sim_yield(struct sim_process *process)
{
    enum { YIELD_EVENTS = 12, YIELD_MS = 200 };
    struct sim_world *world = process->world;
    if (world->yields > 0 || !sim_chance(&world->rng, world->faults.interleave))
        return;
    world->yields++;
    struct sim_event held[YIELD_EVENTS];
    uint32_t held_count = 0;
    uint32_t left = sim_between(&world->rng, 1, YIELD_EVENTS);
    int64_t until_ms = world->now_ms + YIELD_MS;
    for (; left > 0 && world->event_count > 0 && !world->has_failed; left--) {
        if (world->events[0].at_ms > until_ms)
            break;
        struct sim_event event = pop(world);
        if (may_interrupt(process, &event))
            happen(world, &event);
        else
            held[held_count++] = event;
    }
    while (held_count > 0)
        push(world, held[--held_count]);
    world->yields--;
}

/* A seed turns every kind of trouble on or off, so that each is met with and without the others. */
static uint32_t some(struct sim_world *world, uint32_t permille)
{
    return sim_chance(&world->rng, 500) ? sim_below(&world->rng, permille + 1) : 0;
}

static void choose_faults(struct sim_world *world)
{
    world->faults = (struct sim_faults){
        .read_fails = some(world, 150),
        .list_fails = some(world, 100),
        .list_lies = some(world, 200),
        .commit_fails = some(world, 150),
        .answer_lost = some(world, 60),
        .scan_fails = some(world, 30),
        .crash_in_call = some(world, 30),
        .interleave = some(world, 500),
        .duplicate = some(world, 300),
        .lose = sim_chance(&world->rng, 300) ? some(world, 500) : 0,
        .unfiltered = some(world, 1000),
        .final_failure = sim_chance(&world->rng, 200) ? some(world, 40) : 0,
        .slow = some(world, 200),
    };
}

static void choose_world(struct sim_world *world)
{
    struct sim_rng *rng = &world->rng;
    static const uint64_t memory_limits[] = {10, 100, 200, 1 << 20};
    world->slot_count = sim_between(rng, 1, SIM_SLOTS);
    bool has_live = sim_chance(rng, 800);
    for (unsigned slot = 0; slot < world->slot_count; slot++)
        world->slot_is_live[slot] = has_live && (slot == 0 || sim_chance(rng, 700));
    world->has_queue = has_live;
    world->spec = sim_below(rng, SIM_SPECS);
    world->memory_limit = memory_limits[sim_below(rng, BKT_SIM_COUNT(memory_limits))];
    world->list_concurrency = sim_between(rng, 1, SIM_LISTS);
    world->get_concurrency = sim_between(rng, 1, SIM_READS);
    world->is_guarded = sim_chance(rng, 150);
    world->max_deletes = sim_below(rng, 3);
    world->hot_keys = sim_chance(rng, 300) ? 1 : sim_between(rng, 2, SIM_KEYS);
    world->writes_left = sim_between(rng, 3, 40);
    world->write_gap_ms = sim_between(rng, 2, 80);
    world->bucket.page_size = sim_between(rng, 1, 5);
    world->bucket.ignores_start_after = sim_chance(rng, 200);
    world->bucket.has_empty_pages = sim_chance(rng, 300);
    world->bucket.lists_no_etags = false;
    world->bucket.skips_ahead = sim_chance(rng, 500);
}

static void plan(struct sim_world *world)
{
    struct sim_rng *rng = &world->rng;
    uint32_t storm_ms = world->writes_left * (world->write_gap_ms + 1) / 2 + 400;
    world->storm_ends_ms = storm_ms;
    for (unsigned key = 0; key < SIM_KEYS; key++) {
        if (sim_chance(rng, 400))
            sim_bucket_put(&world->bucket, key, sim_below(rng, SIM_CONTENTS));
    }
    for (unsigned slot = 0; slot < world->slot_count; slot++)
        sim_at(world, slot == 0 ? 0 : sim_below(rng, storm_ms), SIM_START, NULL, slot);
    sim_at(world, sim_below(rng, 100), SIM_WRITE, NULL, 0);
    static const struct {
        enum sim_event_kind kind;
        uint32_t permille, times;
    } incidents[] = {
        {SIM_STOP, 200, 2},       {SIM_CRASH, 400, 3},    {SIM_POWER_CUT, 250, 2},
        {SIM_LIST_AGAIN, 600, 4}, {SIM_NEW_SPEC, 350, 2}, {SIM_BUCKET_GOES, 60, 1},
    };
    for (size_t i = 0; i < BKT_SIM_COUNT(incidents); i++) {
        if (!sim_chance(rng, incidents[i].permille))
            continue;
        uint32_t times = sim_between(rng, 1, incidents[i].times);
        for (uint32_t n = 0; n < times; n++)
            sim_at(world, sim_below(rng, storm_ms), incidents[i].kind, NULL,
                   sim_below(rng, world->slot_count));
    }
}

/* The end of all trouble.  Where something could have got lost, one more listing is owed. */
static void begin_rest(struct sim_world *world)
{
    sim_trace(world, "no more faults");
    uint32_t slow = world->faults.slow;
    world->faults = (struct sim_faults){.slow = slow};
    world->is_resting = true;
    if (world->is_guarded) {
        world->is_guarded = false;
        for (unsigned slot = 0; slot < world->slot_count; slot++)
            crash(world, slot);
    }
}

static bool is_quiet(const struct sim_world *world)
{
    for (uint32_t i = 0; i < world->event_count; i++) {
        const struct sim_event *event = &world->events[i];
        bool is_idle_talk = event->kind == SIM_POLL || event->kind == SIM_TIMER ||
                            (event->process && event->process->is_dead);
        if (!is_idle_talk)
            return false;
    }
    for (unsigned slot = 0; slot < world->slot_count; slot++) {
        if (world->slots[slot] && !sim_process_is_idle(world->slots[slot]))
            return false;
    }
    return !world->has_queue || !world->slot_is_live[0] || sim_queue_is_empty(world);
}

/* True: it was asked for, or there is somebody to come. */
static bool ask_final_listing(struct sim_world *world)
{
    bool is_owed = world->listing_is_owed || !world->has_queue;
    for (unsigned slot = 0; slot < world->slot_count; slot++)
        is_owed = is_owed ||
                  !world->slot_is_live[slot]; /* it leaves to the next what it could not read */
    if (world->final_listing_asked || !is_owed)
        return false;
    world->final_listing_asked = true;
    sim_at(world, 0, world->slots[0] ? SIM_LIST_AGAIN : SIM_START, NULL, 0);
    return true;
}

static void live(struct sim_world *world)
{
    while (!world->has_failed) {
        if (!world->is_resting && world->now_ms >= world->storm_ends_ms)
            begin_rest(world);
        if (world->is_resting && is_quiet(world) && !ask_final_listing(world))
            return;
        if (world->event_count == 0) {
            if (!world->is_resting)
                world->now_ms = world->storm_ends_ms;
            else
                sim_fail(world, "nothing happens any more, and it is not at rest");
            continue;
        }
        if (world->turns > SIM_TURNS) {
            sim_fail(world, "it does not come to rest");
            return;
        }
        struct sim_event event = pop(world);
        happen(world, &event);
    }
}

bool sim_run(struct sim_world *world, uint64_t seed, bool is_traced, struct sim_stats *stats)
{
    memset(world, 0, sizeof(*world));
    world->seed = seed;
    world->is_traced = is_traced;
    world->rng.state = seed;
    world->stats = stats;
    if (!sim_specs()) {
        sim_fail(world, "the simulation is out of memory");
        return false;
    }
    choose_world(world);
    choose_faults(world);
    plan(world);
    live(world);
    if (!world->has_failed)
        sim_check_rest(world);
    for (unsigned i = 0; i < world->process_count; i++)
        sim_process_free(world->processes[i]);
    stats->worlds++;
    stats->turns += world->turns;
    return !world->has_failed;
}
