/* SPDX-License-Identifier: MIT */
#include "analysis/status.h"

#include <errno.h>

#include "analysis/key_value.h"
#include "base/cleanup.h"

static const struct key_field fields[] = {
        {"PPid", offsetof(struct status, ppid)},          {"Threads", offsetof(struct status, threads)},
        {"VmSize", offsetof(struct status, vm_size)},     {"VmRSS", offsetof(struct status, vm_rss)},
        {"RssAnon", offsetof(struct status, rss_anon)},   {"RssFile", offsetof(struct status, rss_file)},
        {"RssShmem", offsetof(struct status, rss_shmem)}, {"VmSwap", offsetof(struct status, vm_swap)},
        {"VmPTE", offsetof(struct status, vm_pte)},
};

const struct status status_unknown = {
        .uid = REPORT_UNKNOWN,
        .ppid = REPORT_UNKNOWN,
        .threads = REPORT_UNKNOWN,
        .vm_size = REPORT_UNKNOWN,
        .vm_rss = REPORT_UNKNOWN,
        .rss_anon = REPORT_UNKNOWN,
        .rss_file = REPORT_UNKNOWN,
        .rss_shmem = REPORT_UNKNOWN,
        .vm_swap = REPORT_UNKNOWN,
        .vm_pte = REPORT_UNKNOWN,
};

int status_parse(const char *text, size_t len, struct pool *pool, struct status *ret)
{
        struct status s = status_unknown;
        struct scan lines = scan_of(text, len);
        struct key_value kv;

        key_value_fill(text, len, fields, ARRAY_SIZE(fields), &s);
        while (key_value_next(&lines, &kv)) {
                uint64_t real, effective;

                if (scan_is(&kv.key, "State") && !s.state) {
                        s.state = pool_strndup(pool, kv.rest.at, scan_left(&kv.rest));
                        if (!s.state)
                                return -ENOMEM;
                }
                if (scan_is(&kv.key, "Uid") && scan_number(&kv.rest, &real) && scan_word(&kv.rest, "\t") &&
                    scan_number(&kv.rest, &effective))
                        s.uid = effective;
        }
        *ret = s;
        return 0;
}
