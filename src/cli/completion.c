#include "cli/completion.h"

#include "cli/cli.h"

#include <string.h>

static bool is_file(const struct cli_option *option)
{
    return option->placeholder && strcmp(option->placeholder, "FILE") == 0;
}

/* Several of its values, with commas. */
static bool is_set(const struct cli_option *option)
{
    return option->property && option->property->kind == BKT_PROPERTY_SET;
}

static bool may_repeat(const struct cli_option *option)
{
    return is_set(option) || option->id == CLI_OPTION_VERBOSE ||
           (option->property && option->property->kind == BKT_PROPERTY_LIST);
}

/* "a, b, c", with `between` in place of the commas. */
static void put_values(const char *values, const char *between)
{
    for (const char *c = values; *c; c++) {
        if (*c == ',')
            (void)fputs(between, stdout);
        else if (*c != ' ')
            (void)putchar(*c);
    }
}

/* In single quotes for a POSIX shell, without the characters of `left_out`. */
static void put_quoted(const char *text, const char *left_out)
{
    for (; *text; text++) {
        if (*text == '\'')
            (void)fputs("'\\''", stdout);
        else if (!strchr(left_out, *text))
            (void)putchar(*text);
    }
}

/* bash */

/*
 * Readline breaks words at `:` and `=`: they are put together again, by what stands between them on
 * the line.  What completes a part of such a word is given without the part before it.
 */
static const char bash_words[] =
    "# The words of the line up to the cursor, in `words`; one at least.\n"
    "_bucketable_words()\n{\n"
    "    local rest=${COMP_LINE:0:COMP_POINT} i part\n"
    "    words=()\n"
    "    for ((i = 0; i <= COMP_CWORD; i++)); do\n"
    "        part=${COMP_WORDS[i]}\n"
    "        if ((i > 0)) && [[ $rest != [[:space:]]* ]]; then\n"
    "            words[${#words[@]} - 1]+=$part\n"
    "        else\n"
    "            rest=${rest#\"${rest%%[![:space:]]*}\"}\n"
    "            words+=(\"$part\")\n"
    "        fi\n"
    "        rest=${rest#\"$part\"}\n"
    "    done\n"
    "}\n\n";

static const char bash_files[] =
    "# Files that begin with $1; what else is given is for compgen.\n"
    "_bucketable_files()\n{\n"
    "    compopt -o filenames\n"
    "    mapfile -t COMPREPLY < <(compgen -f \"${@:2}\" -- \"$1\")\n"
    "}\n\n"
    "# A spec file, or a bucket.\n"
    "_bucketable_source()\n{\n"
    "    _bucketable_files \"$1\" -X '!*.json'\n"
    "    mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -d -- \"$1\")\n"
    "    if [[ ${#COMPREPLY[@]} -eq 0 && s3:// == \"$1\"* ]]; then\n"
    "        compopt +o filenames -o nospace\n"
    "        COMPREPLY=(s3://)\n"
    "    fi\n"
    "}\n\n"
    "# A file, also after sqlite: and jsonl:.\n"
    "_bucketable_target()\n{\n"
    "    local name=${1#sqlite:}\n"
    "    _bucketable_files \"${name#jsonl:}\"\n"
    "}\n\n"
    "# The values of option $1 that begin with $2, which may follow others and a comma.\n"
    "_bucketable_value()\n{\n"
    "    local values before=\n"
    "    values=$(_bucketable_values \"$1\")\n"
    "    if [[ $values == FILE ]]; then\n"
    "        _bucketable_files \"$2\"\n"
    "        return\n"
    "    fi\n"
    "    if [[ $values == *,* && $2 == *,* ]]; then\n"
    "        before=${2%,*},\n"
    "    fi\n"
    "    mapfile -t COMPREPLY < <(compgen -P \"$before\" -W \"${values//,/ }\" -- \"${2##*,}\")\n"
    "}\n\n";

static const char bash_main[] =
    "_bucketable()\n{\n"
    "    local words word command= option= place=0 ended=\n"
    "    _bucketable_words\n"
    "    local current=${words[${#words[@]} - 1]}\n"
    "    COMPREPLY=()\n"
    "    for word in \"${words[@]:1:${#words[@]} - 2}\"; do\n"
    "        if [[ $option ]]; then\n"
    "            option=\n"
    "        elif [[ ! $ended && $word == -- ]]; then\n"
    "            ended=1\n"
    "        elif [[ ! $ended && $word == -?* ]]; then\n"
    "            _bucketable_values \"$word\" >/dev/null && option=$word\n"
    "        elif [[ ! $command ]]; then\n"
    "            command=$word\n"
    "        else\n"
    "            ((place++))\n"
    "        fi\n"
    "    done\n"
    "    if [[ $option ]]; then\n"
    "        _bucketable_value \"$option\" \"$current\"\n"
    "    elif [[ ! $ended && $current == --*=* ]]; then\n"
    "        _bucketable_value \"${current%%=*}\" \"${current#*=}\"\n"
    "    elif [[ ! $ended && $current == -* ]]; then\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"$(_bucketable_options \"$command\")\""
    " -- \"$current\")\n"
    "    elif [[ ! $command ]]; then\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"$(_bucketable_commands)\" -- \"$current\")\n"
    "    else\n"
    "        case $(_bucketable_place \"$command\" \"$place\") in\n"
    "        SOURCE) _bucketable_source \"$current\" ;;\n"
    "        TARGET) _bucketable_target \"$current\" ;;\n"
    "        esac\n"
    "    fi\n"
    "}\n"
    "complete -F _bucketable bucketable\n";

static void bash_options(void)
{
    struct cli_option option;
    (void)fputs("# What command $1 takes.\n_bucketable_options()\n{\n    case $1 in\n", stdout);
    for (const struct cli_command *command = cli_commands; command->name; command++) {
        (void)printf("    %s) echo '", command->name);
        for (size_t i = 0; cli_option_at(i, &option); i++) {
            if (!cli_option_is_for(&option, command))
                continue;
            if (option.letter)
                (void)printf("-%c ", option.letter);
            (void)printf("--%s ", option.name);
        }
        (void)fputs("' ;;\n", stdout);
    }
    (void)fputs("    *) echo '--help --version' ;;\n    esac\n}\n\n"
                "_bucketable_commands()\n{\n    echo '",
                stdout);
    for (const struct cli_command *command = cli_commands; command->name; command++)
        (void)printf("%s ", command->name);
    (void)fputs("'\n}\n\n", stdout);
}

static void bash_values(void)
{
    struct cli_option option;
    (void)fputs(
        "# The values that option $1 may have, FILE, or an empty line; false where it takes "
        "none.\n_bucketable_values()\n{\n    case $1 in\n",
        stdout);
    for (size_t i = 0; cli_option_at(i, &option); i++) {
        if (!option.placeholder)
            continue;
        (void)printf("    --%s) echo '", option.name);
        if (option.values)
            put_values(option.values, is_set(&option) ? "," : " ");
        else if (is_file(&option))
            (void)fputs("FILE", stdout);
        (void)fputs("' ;;\n", stdout);
    }
    (void)fputs("    *) return 1 ;;\n    esac\n}\n\n", stdout);
}

static void bash_places(void)
{
    (void)fputs("# What stands at place $2 of command $1, from 0.\n"
                "_bucketable_place()\n{\n    case $1.$2 in\n",
                stdout);
    for (const struct cli_command *command = cli_commands; command->name; command++) {
        for (int n = 0; n < command->word_count_max; n++) {
            enum cli_word word = cli_word_at(command, n);
            if (word != CLI_WORD_KEY)
                (void)printf("    %s.%d) echo %s ;;\n", command->name, n,
                             word == CLI_WORD_SOURCE ? "SOURCE" : "TARGET");
        }
    }
    (void)fputs("    esac\n}\n\n", stdout);
}

void cli_complete_bash(void)
{
    (void)fputs("# bash completion for bucketable\n\n", stdout);
    bash_options();
    bash_values();
    bash_places();
    (void)fputs(bash_words, stdout);
    (void)fputs(bash_files, stdout);
    (void)fputs(bash_main, stdout);
}

/* zsh */

static void zsh_option(const struct cli_option *option)
{
    char text[512];
    const char *star = may_repeat(option) ? "*" : "";
    cli_option_text(option, text, sizeof(text));
    if (option->letter) {
        (void)printf("            '%s-%c[", star, option->letter);
        put_quoted(text, "[]:");
        (void)fputs("]' \\\n", stdout);
    }
    (void)printf("            '%s--%s%s[", star, option->name, option->placeholder ? "=" : "");
    put_quoted(text, "[]:");
    (void)putchar(']');
    if (option->placeholder) {
        (void)putchar(':');
        put_quoted(option->placeholder, ":");
        (void)putchar(':');
    }
    if (option->values) {
        (void)fputs(is_set(option) ? "_values -s , value " : "(", stdout);
        put_values(option->values, " ");
        (void)fputs(is_set(option) ? "" : ")", stdout);
    } else if (is_file(option)) {
        (void)fputs("_files", stdout);
    }
    (void)fputs("' \\\n", stdout);
}

static void zsh_command(const struct cli_command *command)
{
    struct cli_option option;
    (void)printf("    %s)\n        _arguments -s -S \\\n", command->name);
    for (size_t i = 0; cli_option_at(i, &option); i++) {
        if (cli_option_is_for(&option, command))
            zsh_option(&option);
    }
    for (int n = 0; n < command->word_count_max; n++) {
        enum cli_word word = cli_word_at(command, n);
        (void)printf("            '%d:%s:%s' \\\n", n + 1,
                     word == CLI_WORD_SOURCE   ? "source"
                     : word == CLI_WORD_TARGET ? "target"
                                               : "key",
                     word == CLI_WORD_SOURCE   ? "_bucketable_source"
                     : word == CLI_WORD_TARGET ? "_bucketable_target"
                                               : " ");
    }
    (void)fputs("            && return\n        ;;\n", stdout);
}

void cli_complete_zsh(void)
{
    struct cli_option option;
    (void)fputs("#compdef bucketable\n\n"
                "_bucketable_source() {\n"
                "    _alternative 'spec:spec file:_files -g \"*.json\"' "
                "'bucket:bucket:compadd -S \"\" s3\\://'\n}\n\n"
                "_bucketable_target() {\n"
                "    compset -P '(sqlite|jsonl):'\n    _files\n}\n\n"
                "_bucketable() {\n"
                "    local curcontext=$curcontext state line ret=1\n"
                "    typeset -A opt_args\n"
                "    local -a commands=(\n",
                stdout);
    for (const struct cli_command *command = cli_commands; command->name; command++) {
        (void)printf("        '%s:", command->name);
        put_quoted(command->help, ":");
        (void)fputs("'\n", stdout);
    }
    (void)fputs("    )\n"
                "    _arguments -C \\\n",
                stdout);
    for (size_t i = 0; i <= CLI_OPTION_COMMON_LAST && cli_option_at(i, &option); i++)
        zsh_option(&option);
    (void)fputs("        '1:command:->command' '*::argument:->argument' && ret=0\n"
                "    if [[ $state == command ]]; then\n"
                "        _describe command commands && ret=0\n"
                "    fi\n"
                "    [[ $state == argument ]] || return ret\n"
                "    case $words[1] in\n",
                stdout);
    for (const struct cli_command *command = cli_commands; command->name; command++)
        zsh_command(command);
    (void)fputs("    esac\n    return 1\n}\n\n_bucketable \"$@\"\n", stdout);
}

/* fish */

static void fish_text(const char *text)
{
    (void)fputs(" -d '", stdout);
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            (void)putchar('\\');
        (void)putchar(*text);
    }
    (void)fputs("'\n", stdout);
}

static void fish_option(const struct cli_option *option)
{
    char text[512];
    (void)fputs("complete -c bucketable -n '__fish_seen_subcommand_from", stdout);
    for (const struct cli_command *command = cli_commands; command->name; command++) {
        if (cli_option_is_for(option, command))
            (void)printf(" %s", command->name);
    }
    (void)printf("' -l %s", option->name);
    if (option->letter)
        (void)printf(" -s %c", option->letter);
    if (option->placeholder)
        (void)fputs(is_file(option) ? " -r -F" : " -x", stdout);
    if (option->values) {
        (void)fputs(is_set(option) ? " -a '(__fish_append , " : " -a '", stdout);
        put_values(option->values, " ");
        (void)fputs(is_set(option) ? ")'" : "'", stdout);
    }
    cli_option_text(option, text, sizeof(text));
    fish_text(text);
}

void cli_complete_fish(void)
{
    struct cli_option option;
    (void)fputs("# fish completion for bucketable\n\n"
                "complete -c bucketable -n __fish_use_subcommand -f\n"
                "complete -c bucketable -n __fish_use_subcommand -l help -s h -d 'Help.'\n"
                "complete -c bucketable -n __fish_use_subcommand -l version -d 'The version.'\n",
                stdout);
    for (const struct cli_command *command = cli_commands; command->name; command++) {
        (void)printf("complete -c bucketable -n __fish_use_subcommand -a %s", command->name);
        fish_text(command->help);
        if (command->word_count_max == 0)
            (void)printf("complete -c bucketable -n '__fish_seen_subcommand_from %s' -f\n",
                         command->name);
    }
    for (size_t i = 0; cli_option_at(i, &option); i++)
        fish_option(&option);
}
