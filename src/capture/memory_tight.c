/* SPDX-License-Identifier: MIT */
#include "capture/memory_tight.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/memory_group.h"
#include "base/number.h"

#define GROUP_PERCENT     95
#define AVAILABLE_PERCENT 5

/* "MemTotal:       24682864 kB": the number behind the key. */
static bool meminfo_value(const struct buf *text, const char *key, uint64_t *ret)
{
        const char *p = strstr(text->data, key), *end = text->data + text->len;

        if (!p)
                return false;
        p += strlen(key);
        p += strspn(p, " ");
        return number_scan(&p, end, 10, ret) == 0;
}

static bool machine_is_tight(void)
{
        char memory[8192];
        struct buf text = BUF_FIXED(memory, sizeof(memory));
        uint64_t total, available;

        return file_read_at(AT_FDCWD, "/proc/meminfo", &text) < 0 ||
               !meminfo_value(&text, "MemTotal:", &total) ||
               !meminfo_value(&text, "\nMemAvailable:", &available) ||
               available < total / 100 * AVAILABLE_PERCENT;
}

static bool group_is_tight(const struct memory_group *g)
{
        uint64_t limit = memory_group_limit(g), usage;
        char memory[64];
        struct buf text = BUF_FIXED(memory, sizeof(memory));
        const char *p = memory;
        int fd;

        if (limit == MEMORY_GROUP_UNLIMITED)
                return false;
        fd = memory_group_open(g, "memory.usage_in_bytes", "memory.current");
        if (fd < 0)
                return true;
        if (file_read_fd(fd, &text) < 0 || number_scan(&p, text.data + text.len, 10, &usage) < 0)
                usage = limit;
        close(fd);
        return usage >= limit / 100 * GROUP_PERCENT;
}

bool memory_is_tight(const struct target *t)
{
        _cleanup_free_ struct memory_group *g = malloc(sizeof(*g)); /* 12 KiB of paths */
        int r;

        if (machine_is_tight() || !g)
                return true;
        r = memory_group_find(t->proc_fd, g);
        /* No memory controller here: then nothing but the machine limits it. */
        if (r < 0)
                return r != -ENOENT;
        do {
                if (group_is_tight(g))
                        return true;
        } while (memory_group_up(g));
        return false;
}
