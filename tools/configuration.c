/*
 * Writes docs/configuration.md from the property table; with a file's name, says whether that is
 * what the file holds.
 */
#include <bucketable/config.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MANUAL_BYTES_MAX = 64 << 10 };

static const char intro[] =
    "# Configuration\n"
    "\n"
    "What a command does is set by properties. A spec file names them as they stand here, in its\n"
    "`source` or `target`; the command line has an option for each, and wins where both are "
    "given.\n"
    "`bucketable schema` prints the JSON Schema of spec files, which editors use to complete and\n"
    "check them.\n"
    "\n"
    "```json\n"
    "{\n"
    "  \"source\": {\n"
    "    \"bucket_name\": \"my-docs\", \"prefix\": \"docs/\",\n"
    "    \"included_patterns\": [\"**/*.md\"], \"excluded_patterns\": [\"**/.git\"],\n"
    "    \"max_file_size\": \"10MB\"\n"
    "  },\n"
    "  \"target\": { \"url\": \"docs.db\", \"table\": \"objects\" }\n"
    "}\n"
    "```\n"
    "\n"
    "* A size is a number of bytes, or a text with a unit: `10MB` is 10 · 10^6 bytes, `10MiB` is\n"
    "  10 · 2^20; fractions are fine, `1.5GB`.\n"
    "* A duration is a text with a unit: `250ms`, `30s`, `5m`, `2h`, `1d`.\n"
    "* A list is a JSON list in a spec file, and an option that is repeated on the command line; "
    "the\n"
    "  command line's list takes the place of the spec file's. `--columns` takes commas as well.\n"
    "* A glob is matched against the whole key, prefix and all. `*` is any text, `/` included:\n"
    "  `*.md` takes Markdown at every depth. `**/` is any directories or none, `?` one byte,\n"
    "  `[a-z]` one of these, `[!a-z]` none of these, `{md,txt}` either, `\\*` a star. Case "
    "counts.\n"
    "  The dialect is that of Rust's globset.\n"
    "* A flag is `true` or `false` in a spec file; on the command line its name alone means "
    "true.\n";

static const char *kind_text(enum bkt_property_kind kind)
{
    switch (kind) {
    case BKT_PROPERTY_BOOL:
        return "flag";
    case BKT_PROPERTY_STRING:
        return "text";
    case BKT_PROPERTY_UINT:
        return "number";
    case BKT_PROPERTY_SIZE:
        return "size";
    case BKT_PROPERTY_DURATION:
        return "duration";
    case BKT_PROPERTY_DELETES:
        return "count or percentage";
    case BKT_PROPERTY_ENUM:
        return "one of";
    case BKT_PROPERTY_LIST:
        return "list";
    case BKT_PROPERTY_SET:
        return "list of";
    }
    return "";
}

static const char *section_text(enum bkt_property_section section)
{
    switch (section) {
    case BKT_SECTION_SOURCE:
        return "in `source`";
    case BKT_SECTION_TARGET:
        return "in `target`";
    case BKT_SECTION_NONE:
        return "on the command line only";
    }
    return "";
}

/* "replace, strict, bytes" as "`replace`, `strict`, `bytes`". */
static void write_values(FILE *out, const char *values)
{
    const char *separator = " ";
    while (*values != '\0') {
        size_t len = strcspn(values, ",");
        (void)fprintf(out, "%s`%.*s`", separator, (int)len, values);
        separator = ", ";
        values += len + strspn(values + len, ", ");
    }
}

static void write_property(FILE *out, const struct bkt_property *property)
{
    (void)fprintf(out, "\n### %s\n\n", property->name);
    (void)fprintf(out, "`--%s%s%s`; %s; %s", property->option, property->placeholder ? " " : "",
                  property->placeholder ? property->placeholder : "",
                  section_text(property->section), kind_text(property->kind));
    if (property->values)
        write_values(out, property->values);
    if (property->default_text && property->default_text[0] != '\0')
        (void)fprintf(out, "; default `%s`", property->default_text);
    (void)fprintf(out, "\n\n%s\n", property->help);
}

static void write_manual(FILE *out)
{
    (void)fputs(intro, out);
    const struct bkt_property *property;
    int group = 0;
    for (size_t i = 0; (property = bkt_property_at(i)) != NULL; i++) {
        if ((int)property->group != group) {
            const char *title = bkt_property_group_title(property->group);
            (void)fprintf(out, "\n## %c%s\n", toupper((unsigned char)title[0]), title + 1);
        }
        group = (int)property->group;
        write_property(out, property);
    }
}

static int compare(const char *file_name)
{
    static char want[MANUAL_BYTES_MAX];
    static char have[MANUAL_BYTES_MAX];
    FILE *memory = fmemopen(want, sizeof(want), "w");
    FILE *file = fopen(file_name, "r");
    if (!memory || !file) {
        perror(file_name);
        return EXIT_FAILURE;
    }
    write_manual(memory);
    (void)fclose(memory);
    size_t len = fread(have, 1, sizeof(have) - 1, file);
    (void)fclose(file);
    if (len != strlen(want) || memcmp(want, have, len) != 0) {
        (void)fprintf(stderr, "%s is not what the property table says: write it again\n",
                      file_name);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return compare(argv[1]);
    write_manual(stdout);
    return EXIT_SUCCESS;
}
