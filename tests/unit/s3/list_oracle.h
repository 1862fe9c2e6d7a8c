/*
 * What a list page says, read the slow and obvious way: expat builds a tree, and a few lines read
 * the tree.  The judge of src/s3/list_page.c, for its test and its fuzzer.
 *
 * `is_beyond` marks what XML allows and ours does not: a DOCTYPE, an encoding other than UTF-8, a
 * version other than 1.x, names beyond ASCII, more depth or attributes than core/xml.h says.
 */
#ifndef TESTS_LIST_ORACLE_H
#define TESTS_LIST_ORACLE_H

#include "core/time.h"
#include "core/xml.h"
#include "s3/list_page.h"

#include <expat.h>
#include <stdio.h>
#include <stdlib.h>

struct oracle_node {
    char *name; /* local */
    char *text;
    size_t text_len;
    struct oracle_node *parent, *first, *last, *next;
};

struct oracle {
    XML_Parser parser;
    struct oracle_node *root;
    struct oracle_node *open;
    size_t depth;
    bool is_beyond;
    struct bkt_object objects[4096];
    struct bkt_page page;
};

static void *oracle_calloc(size_t count, size_t size)
{
    void *ptr = calloc(count, size);
    if (!ptr)
        abort();
    return ptr;
}

static void oracle_check_name(struct oracle *oracle, const char *name)
{
    for (; *name; name++)
        oracle->is_beyond |= (unsigned char)*name >= 0x80;
}

static void oracle_start(void *data, const char *name, const char **attributes)
{
    struct oracle *oracle = data;
    size_t count = 0;
    for (; attributes[2 * count]; count++)
        oracle_check_name(oracle, attributes[2 * count]);
    oracle_check_name(oracle, name);
    oracle->is_beyond |= count > BKT_XML_ATTRIBUTES_MAX || ++oracle->depth > BKT_XML_DEPTH_MAX;

    struct oracle_node *node = oracle_calloc(1, sizeof(*node));
    const char *colon = strrchr(name, ':');
    node->name = strdup(colon ? colon + 1 : name);
    node->text = oracle_calloc(1, 1); /* never NULL */
    node->parent = oracle->open;
    if (!oracle->open)
        oracle->root = node;
    else if (oracle->open->last)
        oracle->open->last->next = node;
    else
        oracle->open->first = node;
    if (oracle->open)
        oracle->open->last = node;
    oracle->open = node;
}

static void oracle_end(void *data, const char *name)
{
    struct oracle *oracle = data;
    (void)name;
    oracle->open = oracle->open->parent;
    oracle->depth--;
}

static void oracle_text(void *data, const char *text, int len)
{
    struct oracle_node *node = ((struct oracle *)data)->open;
    char *grown = realloc(node->text, node->text_len + (size_t)len);
    if (!grown)
        abort();
    memcpy(grown + node->text_len, text, (size_t)len);
    node->text = grown;
    node->text_len += (size_t)len;
}

static void oracle_instruction(void *data, const char *target, const char *text)
{
    (void)text;
    oracle_check_name(data, target);
}

static void oracle_doctype(
    void *data, const char *name, const char *system, const char *public, int has_subset)
{
    (void)name;
    (void)system;
    (void)public;
    (void)has_subset;
    ((struct oracle *)data)->is_beyond = true;
}

static void oracle_declaration(void *data,
                               const char *version,
                               const char *encoding,
                               int standalone)
{
    struct oracle *oracle = data;
    (void)standalone;
    char *end = NULL;
    if (version && strncmp(version, "1.", 2) == 0 && version[2])
        (void)strtoul(version + 2, &end, 10);
    oracle->is_beyond |= !end || *end != '\0';
    if (encoding) {
        char lower[8] = "";
        for (size_t i = 0; i < sizeof(lower) - 1 && encoding[i]; i++)
            lower[i] = (char)(encoding[i] | 0x20);
        oracle->is_beyond |= strlen(encoding) != 5 || strcmp(lower, "utf-8") != 0;
    }
}

/* Is the body a document to expat?  oracle_free() in any case. */
static bool oracle_read(struct oracle *oracle, struct bkt_str body)
{
    /* Two encodings that expat guesses from the first bytes. */
    oracle->is_beyond = memchr(body.ptr, 0, body.len) != NULL;
    oracle->parser = XML_ParserCreate(NULL);
    if (!oracle->parser)
        abort();
    XML_SetUserData(oracle->parser, oracle);
    XML_SetElementHandler(oracle->parser, oracle_start, oracle_end);
    XML_SetCharacterDataHandler(oracle->parser, oracle_text);
    XML_SetProcessingInstructionHandler(oracle->parser, oracle_instruction);
    XML_SetStartDoctypeDeclHandler(oracle->parser, oracle_doctype);
    XML_SetXmlDeclHandler(oracle->parser, oracle_declaration);
    return XML_Parse(oracle->parser, body.ptr, (int)body.len, 1) == XML_STATUS_OK;
}

static void oracle_free(struct oracle *oracle)
{
    struct oracle_node *node = oracle->root;
    while (node) {
        struct oracle_node *next = node->first  ? node->first
                                   : node->next ? node->next
                                                : node->parent;
        if (node->first) {
            node->first = NULL; /* its children first, then back here by way of `parent` */
        } else {
            free(node->name);
            free(node->text);
            free(node);
        }
        node = next;
    }
    XML_ParserFree(oracle->parser);
}

static bool oracle_is(const struct oracle_node *node, const char *name)
{
    return strcmp(node->name, name) == 0;
}

static struct bkt_str oracle_str(const struct oracle_node *node)
{
    return (struct bkt_str){node->text, node->text_len};
}

/* The child of that name in `*out` (NULL: none); false when there are two or it holds elements. */
static bool oracle_child(const struct oracle_node *parent,
                         const char *name,
                         struct oracle_node **out)
{
    *out = NULL;
    for (struct oracle_node *node = parent->first; node; node = node->next) {
        if (!oracle_is(node, name))
            continue;
        if (*out || node->first)
            return false;
        *out = node;
    }
    return true;
}

static void oracle_decode(struct oracle_node *node)
{
    char *out = node->text;
    for (size_t i = 0; i < node->text_len; i++) {
        unsigned byte;
        char hex[3] = {0};
        if (node->text_len - i > 2)
            memcpy(hex, node->text + i + 1, 2);
        bool is_hex = strspn(hex, "0123456789abcdefABCDEF") == 2;
        if (node->text[i] == '%' && is_hex && sscanf(hex, "%x", &byte) == 1) {
            *out++ = (char)byte;
            i += 2;
        } else {
            *out++ = node->text[i] == '+' ? ' ' : node->text[i];
        }
    }
    node->text_len = (size_t)(out - node->text);
}

static bool oracle_object(struct oracle_node *contents, bool url_encoded, struct bkt_object *out)
{
    struct oracle_node *key, *etag, *size, *modified, *class;
    if (!oracle_child(contents, "Key", &key) || !oracle_child(contents, "ETag", &etag) ||
        !oracle_child(contents, "Size", &size) ||
        !oracle_child(contents, "LastModified", &modified) ||
        !oracle_child(contents, "StorageClass", &class))
        return false;
    *out = (struct bkt_object){.last_modified_ms = BKT_TIME_NONE};
    if (!key || key->text_len == 0 || !size || size->text_len == 0)
        return false;
    if (url_encoded)
        oracle_decode(key);
    out->key = oracle_str(key);
    for (size_t i = 0; i < size->text_len; i++) {
        unsigned digit = (unsigned)(size->text[i] - '0');
        if (digit > 9 || __builtin_mul_overflow(out->size, 10, &out->size) ||
            __builtin_add_overflow(out->size, digit, &out->size))
            return false;
    }
    if (modified && !bkt_time_parse_iso(oracle_str(modified), &out->last_modified_ms))
        return false;
    if (class)
        out->storage_class = oracle_str(class);
    if (etag) {
        struct bkt_str tag = oracle_str(etag);
        if (tag.len >= 2 && memcmp(tag.ptr, "W/", 2) == 0)
            tag = (struct bkt_str){tag.ptr + 2, tag.len - 2};
        if (tag.len >= 2 && tag.ptr[0] == '"' && tag.ptr[tag.len - 1] == '"')
            tag = (struct bkt_str){tag.ptr + 1, tag.len - 2};
        out->etag = tag;
    }
    return true;
}

/* After oracle_read(): what bkt_list_page_parse() is to return, and oracle->page. */
static int oracle_page(struct oracle *oracle)
{
    struct oracle_node *root = oracle->root;
    struct bkt_page *page = &oracle->page;
    struct oracle_node *truncated, *token, *encoding;

    if (oracle_is(root, "Error"))
        return BKT_ES3;
    if (!oracle_is(root, "ListBucketResult") || !oracle_child(root, "IsTruncated", &truncated) ||
        !oracle_child(root, "NextContinuationToken", &token) ||
        !oracle_child(root, "EncodingType", &encoding))
        return BKT_EPARSE;
    bool url_encoded = encoding && bkt_str_eq(oracle_str(encoding), BKT_STR("url"));
    if (encoding && encoding->text_len > 0 && !url_encoded)
        return BKT_EPARSE;

    for (struct oracle_node *node = root->first; node; node = node->next) {
        if (oracle_is(node, "Contents") &&
            !oracle_object(node, url_encoded, &oracle->objects[page->object_count++]))
            return BKT_EPARSE;
    }
    if (!truncated)
        return BKT_EPARSE;
    struct bkt_str more = oracle_str(truncated);
    page->is_truncated = bkt_str_eq(more, BKT_STR("true"));
    if (!page->is_truncated && !bkt_str_eq(more, BKT_STR("false")))
        return BKT_EPARSE;
    if (page->is_truncated && (!token || token->text_len == 0))
        return BKT_EPARSE;
    page->next_token = page->is_truncated ? oracle_str(token) : BKT_STR("");
    return BKT_OK;
}

static bool oracle_same_page(const struct oracle *oracle, const struct bkt_page *page)
{
    const struct bkt_page *own = &oracle->page;
    if (own->object_count != page->object_count || own->is_truncated != page->is_truncated ||
        !bkt_str_eq(own->next_token, page->next_token))
        return false;
    for (size_t i = 0; i < page->object_count; i++) {
        const struct bkt_object *a = &oracle->objects[i];
        const struct bkt_object *b = &page->objects[i];
        if (!bkt_str_eq(a->key, b->key) || !bkt_str_eq(a->etag, b->etag) || a->size != b->size ||
            !bkt_str_eq(a->storage_class, b->storage_class) ||
            a->last_modified_ms != b->last_modified_ms)
            return false;
    }
    return true;
}

#endif
