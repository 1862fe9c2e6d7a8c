#include "cli/completion.h"

#include <assert.h>

static unsigned commands_with_option(size_t option)
{
    unsigned found = 0;
    for (size_t i = 0; cli_commands[i].name; i++)
        found |= cli_commands[i].options & CLI_TAKES(option) ? 1u << i : 0;
    return found;
}

static unsigned commands_with_group(enum bkt_property_group group)
{
    unsigned found = 0;
    for (size_t i = 0; cli_commands[i].name; i++)
        found |= cli_commands[i].groups & group ? 1u << i : 0;
    return found;
}

static struct cli_completed of_property(const struct bkt_property *property)
{
    bool is_flag = property->kind == BKT_PROPERTY_BOOL;
    struct cli_completed option = {
        .name = property->option,
        .placeholder = is_flag ? NULL : property->placeholder,
        .values = property->values,
        .is_set = property->kind == BKT_PROPERTY_SET,
        .may_repeat = property->kind == BKT_PROPERTY_SET || property->kind == BKT_PROPERTY_LIST,
        .commands = commands_with_group(property->group),
    };
    cli_property_text(property, option.text, sizeof(option.text));
    return option;
}

size_t cli_completed_options(struct cli_completed out[CLI_COMPLETED_MAX])
{
    size_t count = 0;
    for (const struct cli_global_info *info = cli_globals_info; info->name; info++) {
        assert(count < CLI_COMPLETED_MAX);
        out[count] = (struct cli_completed){
            .name = info->name,
            .placeholder = info->placeholder,
            .values = info->values,
            .letter = info->letter,
            .may_repeat = info->letter == 'v',
            .commands = ~0u,
        };
        (void)snprintf(out[count].text, sizeof(out[count].text), "%s", info->help);
        count++;
    }
    for (size_t i = 0; i < CLI_OPTION_COUNT; i++) {
        assert(count < CLI_COMPLETED_MAX);
        out[count] = (struct cli_completed){
            .name = cli_options[i].name,
            .placeholder = cli_options[i].placeholder,
            .letter = cli_options[i].letter,
            .commands = commands_with_option(i),
        };
        (void)snprintf(out[count].text, sizeof(out[count].text), "%s", cli_options[i].help);
        count++;
    }
    const struct bkt_property *property;
    for (size_t i = 0; (property = bkt_property_at(i)) != NULL; i++) {
        assert(count < CLI_COMPLETED_MAX);
        if (property->option)
            out[count++] = of_property(property);
    }
    return count;
}

enum cli_completed_word cli_completed_word(const struct cli_command *command, int n)
{
    const char *word = command->words;
    for (int i = 0; i < n; i++) {
        word += strcspn(word, " ");
        word += strspn(word, " ");
    }
    word += strspn(word, "[");
    if (strncmp(word, "SOURCE", 6) == 0)
        return CLI_WORD_SOURCE;
    return strncmp(word, "TARGET", 6) == 0 ? CLI_WORD_TARGET : CLI_WORD_NONE;
}

void cli_complete_values(const char *values, const char *between)
{
    for (const char *c = values; *c; c++) {
        if (*c == ',')
            (void)fputs(between, stdout);
        else if (*c != ' ')
            (void)putchar(*c);
    }
}
