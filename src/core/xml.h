/*
 * A pull reader for small XML documents that are in memory as a whole: lists and errors of S3, STS.
 *
 *   bkt_xml_begin(), then bkt_xml_next() again and again: START, ..., END, ..., DONE.
 *   After a START, bkt_xml_text() or bkt_xml_skip() may take the element through its end tag.
 *
 * What is no well-formed XML 1.0 is an error, wherever it stands: characters that XML has not (also
 * as `&#1;`), bytes that are no UTF-8, tags that do not match, unknown entities, an end that comes
 * early.  Stricter than XML: no DOCTYPE (it could define entities), no encoding but UTF-8, names of
 * ASCII only, and the limits below.  Attributes, comments and processing instructions are checked
 * and left out; prefixes of names are cut off, not resolved.
 *
 * Errors are BKT_EPARSE with the byte position in the message, which never quotes the document;
 * after one, the reader is of no more use.  Time and memory are linear in the document's length.
 */
#ifndef CORE_XML_H
#define CORE_XML_H

#include "core/arena.h"

#include <bucketable/error.h>

enum { BKT_XML_DEPTH_MAX = 32, BKT_XML_ATTRIBUTES_MAX = 16 };

enum bkt_xml_token {
    BKT_XML_START, /* of an element; `name` is set */
    BKT_XML_END,
    BKT_XML_DONE, /* the whole document has been read */
};

/* All members but `name` are the reader's own. */
struct bkt_xml {
    struct bkt_str name; /* of the element that has just begun, without prefix; view of the body */
    const char *begin;
    const char *at;
    const char *end;
    size_t depth;
    bool has_root;
    bool is_empty; /* the element at `depth` was `<a/>`: its END has not been told yet */
    bool has_cr;   /* there are line ends to normalize */
    struct bkt_str open[BKT_XML_DEPTH_MAX];
};

/* `body` outlives the reader and every view of it. */
BKT_MUST_CHECK int bkt_xml_begin(struct bkt_xml *xml, struct bkt_str body, struct bkt_error *err);

/* The next token; text is checked and left out. */
BKT_MUST_CHECK int bkt_xml_next(struct bkt_xml *xml,
                                enum bkt_xml_token *out_token,
                                struct bkt_error *err);

/*
 * After START: the element's text, with entities, CDATA and line ends resolved; its END is not told
 * any more.  A view of the body where nothing had to be resolved, else cut from `arena`.
 * BKT_EPARSE also when there is an element inside; BKT_ENOMEM.
 */
BKT_MUST_CHECK int bkt_xml_text(struct bkt_xml *xml,
                                struct bkt_arena *arena,
                                struct bkt_str *out_text,
                                struct bkt_error *err);

/* After START: pass over the element and all that is in it; its END is not told any more. */
BKT_MUST_CHECK int bkt_xml_skip(struct bkt_xml *xml, struct bkt_error *err);

/* The same; `out_bytes` is the element as it stands in the body, from `<` through its end tag. */
BKT_MUST_CHECK int bkt_xml_verbatim(struct bkt_xml *xml,
                                    struct bkt_str *out_bytes,
                                    struct bkt_error *err);

/* After START: its tag as it stands in the body, with its attributes. */
struct bkt_str bkt_xml_tag(const struct bkt_xml *xml);

#endif
