/* s3_stub - a fast S3 server that tests and benchmarks drive; the README beside it says how. */
#include "s3.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { KEYS_MAX = 100000000 };

struct options {
    unsigned port;
    struct stub_bucket_options bucket;
    char *verify_key;
};

enum {
    OPTION_PORT = 1,
    OPTION_BUCKET,
    OPTION_REGION,
    OPTION_KEYS,
    OPTION_SHAPE,
    OPTION_SEED,
    OPTION_OBJECT_SIZE,
    OPTION_SIZES,
    OPTION_ETAG,
    OPTION_LATENCY_MS,
    OPTION_JITTER,
    OPTION_PAGE_MS,
    OPTION_VERIFY_KEY,
    OPTION_RECORD,
    OPTION_HELP,
};

static const struct option long_options[] = {
    {"port", required_argument, NULL, OPTION_PORT},
    {"bucket", required_argument, NULL, OPTION_BUCKET},
    {"region", required_argument, NULL, OPTION_REGION},
    {"keys", required_argument, NULL, OPTION_KEYS},
    {"shape", required_argument, NULL, OPTION_SHAPE},
    {"seed", required_argument, NULL, OPTION_SEED},
    {"object-size", required_argument, NULL, OPTION_OBJECT_SIZE},
    {"sizes", required_argument, NULL, OPTION_SIZES},
    {"etag", required_argument, NULL, OPTION_ETAG},
    {"latency-ms", required_argument, NULL, OPTION_LATENCY_MS},
    {"jitter", required_argument, NULL, OPTION_JITTER},
    {"page-ms", required_argument, NULL, OPTION_PAGE_MS},
    {"verify-key", required_argument, NULL, OPTION_VERIFY_KEY},
    {"record", required_argument, NULL, OPTION_RECORD},
    {"help", no_argument, NULL, OPTION_HELP},
    {0},
};

static const char usage[] =
    "usage: s3_stub [--port N] [--bucket NAME] [--region NAME] [--keys N]\n"
    "  [--shape hex|dates|deep|isots|zipf|flat] [--seed N] [--object-size BYTES]\n"
    "  [--sizes fixed|lognormal] [--etag cheap|md5] [--latency-ms MEAN] [--jitter PERCENT]\n"
    "  [--page-ms N] [--verify-key ID:SECRET] [--record REQUESTS]\n";

static volatile int stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

static bool number(const char *text, uint64_t max, uint64_t *out)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0' || end == text || *text == '-' || value > max)
        return false;
    *out = value;
    return true;
}

static bool choice(const char *text, const char *no, const char *yes, bool *out)
{
    *out = strcmp(text, yes) == 0;
    return *out || strcmp(text, no) == 0;
}

static bool set_key(struct stub_s3 *s3, struct options *options, const char *text)
{
    free(options->verify_key);
    options->verify_key = stub_alloc(strlen(text) + 1);
    memcpy(options->verify_key, text, strlen(text) + 1);
    char *colon = strchr(options->verify_key, ':');
    if (colon == NULL)
        return false;
    *colon = '\0';
    s3->sigcheck.key_id = options->verify_key;
    s3->sigcheck.secret = colon + 1;
    return true;
}

static bool set_option(int option, struct stub_s3 *s3, struct options *options)
{
    uint64_t value = 0;
    switch (option) {
    case OPTION_PORT:
        if (!number(optarg, 65535, &value))
            return false;
        options->port = (unsigned)value;
        return true;
    case OPTION_BUCKET:
        s3->bucket_name = optarg;
        return true;
    case OPTION_REGION:
        s3->region = optarg;
        return true;
    case OPTION_KEYS:
        return number(optarg, KEYS_MAX, &options->bucket.count);
    case OPTION_SHAPE:
        return stub_shape_parse(optarg, &options->bucket.shape);
    case OPTION_SEED:
        return number(optarg, UINT64_MAX, &options->bucket.seed);
    case OPTION_OBJECT_SIZE:
        return number(optarg, UINT32_MAX, &options->bucket.object_size);
    case OPTION_SIZES:
        return choice(optarg, "fixed", "lognormal", &options->bucket.lognormal);
    case OPTION_ETAG:
        return choice(optarg, "cheap", "md5", &options->bucket.md5);
    case OPTION_LATENCY_MS:
        if (!number(optarg, 3600000, &value))
            return false;
        s3->get_us = value * 1000;
        return true;
    case OPTION_JITTER:
        return number(optarg, 100, &s3->jitter_percent);
    case OPTION_PAGE_MS:
        if (!number(optarg, 3600000, &value))
            return false;
        s3->page_us = value * 1000;
        return true;
    case OPTION_VERIFY_KEY:
        return set_key(s3, options, optarg);
    case OPTION_RECORD:
        return number(optarg, 10000000, &s3->record_max);
    default:
        return false;
    }
}

/* As many connections as the system lets us have. */
static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int serve(struct stub_s3 *s3, const struct options *options)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    raise_file_limit();
    s3->sigcheck.region = s3->region;
    stub_bucket_init(&s3->bucket, &options->bucket);
    s3->server = stub_server_new(options->port, stub_s3_handle, s3);
    if (s3->server != NULL) {
        printf("listening %u\n", stub_server_port(s3->server));
        fflush(stdout);
        stub_server_run(s3->server, &stop);
        stub_server_free(s3->server);
    }
    stub_s3_clear(s3);
    return stop ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct stub_s3 s3 = {.bucket_name = "bucket", .region = "us-east-1"};
    struct options options = {.bucket = {.object_size = 1024, .seed = 1}};
    int rc = 0;
    int option;
    while (rc == 0 && (option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (option == OPTION_HELP) {
            fputs(usage, stdout);
            free(options.verify_key);
            return 0;
        }
        if (!set_option(option, &s3, &options)) {
            fputs(usage, stderr);
            rc = 2;
        }
    }
    if (rc == 0)
        rc = serve(&s3, &options);
    free(options.verify_key);
    return rc;
}
