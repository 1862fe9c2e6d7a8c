#include "cli/listen_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { HOST_BYTES = 64 };

static bool parse_port(const char *text, uint16_t *out)
{
    if (*text < '0' || *text > '9' || strlen(text) > 5 ||
        strspn(text, "0123456789") != strlen(text))
        return false;
    unsigned long port = strtoul(text, NULL, 10);
    if (port > UINT16_MAX)
        return false;
    *out = (uint16_t)port;
    return true;
}

/* The host without its brackets, and the port. */
static bool split(const char *text, char host[HOST_BYTES], uint16_t *out_port)
{
    const char *colon = strrchr(text, ':');
    const char *begin = text;
    if (!colon || !parse_port(colon + 1, out_port))
        return false;
    size_t len = (size_t)(colon - text);
    if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
        begin++;
        len -= 2;
    } else if (memchr(text, ':', len)) {
        return false; /* IPv6 without brackets */
    }
    if (len >= HOST_BYTES)
        return false;
    memcpy(host, begin, len);
    host[len] = '\0';
    return true;
}

int cli_listen_address_parse(const char *text,
                             struct cli_listen_address *out,
                             struct bkt_error *err)
{
    char host[HOST_BYTES];
    uint16_t port;
    struct in_addr v4;
    struct in6_addr v6;
    *out = (struct cli_listen_address){.len = 0};
    if (split(text, host, &port)) {
        const char *name = *host == '\0' || strcasecmp(host, "localhost") == 0 ? "127.0.0.1" : host;
        if (inet_pton(AF_INET, name, &v4) == 1) {
            struct sockaddr_in socket = {
                .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = v4};
            memcpy(&out->socket, &socket, sizeof(socket));
            out->len = sizeof(socket);
            out->is_loopback = (ntohl(v4.s_addr) >> 24) == 127;
        } else if (inet_pton(AF_INET6, name, &v6) == 1) {
            struct sockaddr_in6 socket = {
                .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = v6};
            memcpy(&out->socket, &socket, sizeof(socket));
            out->len = sizeof(socket);
            out->is_loopback = IN6_IS_ADDR_LOOPBACK(&v6);
        }
    }
    if (out->len > 0)
        return BKT_OK;
    const char *shown = strstr(text, "://") ? "a URL" : text; /* which may hold a password */
    return bkt_error_set(err, BKT_ECONFIG,
                         "--listen: \"%.80s\" is no address and port, such as 127.0.0.1:9100, "
                         "[::1]:9100, or :9100 for this machine alone",
                         shown);
}

bool cli_listen_is_loopback_host(const char *host)
{
    char name[HOST_BYTES];
    const char *end = host[0] == '[' ? strchr(host, ']') : strchr(host, ':');
    size_t len = end ? (size_t)(end - host) + (host[0] == '[') : strlen(host);
    if (len >= sizeof(name))
        return false;
    memcpy(name, host, len);
    name[len] = '\0';
    struct in_addr v4;
    return strcasecmp(name, "localhost") == 0 || strcmp(name, "[::1]") == 0 ||
           (inet_pton(AF_INET, name, &v4) == 1 && (ntohl(v4.s_addr) >> 24) == 127);
}
