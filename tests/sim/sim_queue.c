/* A queue as SQS is: at least once, in no order, hidden for a while from whoever else asks. */
#include "sim.h"

void sim_queue_add(struct sim_world *world, unsigned key)
{
    if (!world->has_queue)
        return;
    if (sim_chance(&world->rng, world->faults.lose)) {
        world->listing_is_owed = true;
        return;
    }
    uint32_t copies = sim_chance(&world->rng, world->faults.duplicate) ? 2 : 1;
    for (uint32_t i = 0; i < copies && world->message_count < SIM_MESSAGES; i++) {
        world->messages[world->message_count++] = (struct sim_message){
            .key = key,
            .version = world->bucket.objects[key].version,
            .is_put = world->bucket.objects[key].exists,
            .content = world->bucket.objects[key].content,
            .visible_ms = world->now_ms + sim_latency_ms(world),
        };
    }
}

struct sim_receipt *sim_queue_receive(struct sim_process *process)
{
    struct sim_world *world = process->world;
    if (world->message_count == 0 || world->receipt_count == BKT_SIM_COUNT(world->receipts))
        return NULL;
    uint32_t first = sim_below(&world->rng, world->message_count);
    for (uint32_t i = 0; i < world->message_count; i++) {
        uint32_t at = (first + i) % world->message_count;
        struct sim_message *message = &world->messages[at];
        if (message->is_deleted || message->visible_ms > world->now_ms)
            continue;
        bool is_short = sim_chance(&world->rng, 100) && !world->is_resting;
        message->visible_ms = world->now_ms + (is_short ? 20 : 20000);
        struct sim_receipt *receipt = &world->receipts[world->receipt_count++];
        *receipt = (struct sim_receipt){.process = process, .message = at, .is_out = true};
        return receipt;
    }
    return NULL;
}

void sim_queue_delete(struct sim_world *world, uint32_t message)
{
    world->messages[message].is_deleted = true;
}

bool sim_queue_is_empty(const struct sim_world *world)
{
    for (uint32_t i = 0; i < world->message_count; i++) {
        if (!world->messages[i].is_deleted)
            return false;
    }
    return true;
}
