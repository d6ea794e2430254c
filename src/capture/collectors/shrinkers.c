/* SPDX-License-Identifier: MIT */
/* shrinkers - shrinkers.tsv: how many objects each of the kernel's shrinkers could free (docs/bundle.md).
 *
 * /sys/kernel/debug/shrinker/NAME/count, since Linux 6.0 with CONFIG_SHRINKER_DEBUG; root only.  One line per
 * memory group, then one number for each NUMA node:
 *   1 224 0
 *   21 98 17
 * There is no total in the kernel; it is taken here, because thousands of groups make a long file. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/scan.h"
#include "capture/collectors.h"
#include "capture/collectors/shrinkers.h"
#include "capture/table.h"

#define DIRECTORY "/sys/kernel/debug/shrinker"
#define COUNT_MAX ((size_t)1 << 20)

uint64_t shrinker_count_parse(const char *text, size_t len)
{
        struct scan s = scan_of(text, len), line;
        uint64_t sum = 0, value;

        while (scan_until(&s, "\n", &line)) {
                bool group = true; /* the first number of a line: an inode */

                while (scan_number(&line, &value)) {
                        if (!group && __builtin_add_overflow(sum, value, &sum))
                                return UINT64_MAX;
                        group = false;
                        scan_blanks(&line);
                }
        }
        return sum;
}

void shrinkers_make(struct collect *c, const struct collector *row)
{
        _cleanup_dir_ DIR *dir = opendir(DIRECTORY);
        struct dirent *entry;
        struct table t;

        if (!dir) {
                section_missing(c->writer, row->name, row->optional, errno,
                                errno == ENOENT ? "no " DIRECTORY " here (CONFIG_SHRINKER_DEBUG, debugfs)"
                                                : NULL);
                return;
        }
        table_begin(&t, c, row, "objects\tname\n");
        while (table_goes_on(&t) && (entry = readdir(dir))) {
                _cleanup_buf_ struct buf text = BUF_GROWING(COUNT_MAX);
                char path[NAME_MAX + 8];

                if (entry->d_name[0] == '.')
                        continue;
                snprintf(path, sizeof(path), "%s/count", entry->d_name);
                if (file_read_at(dirfd(dir), path, &text) < 0)
                        continue;
                table_print(&t, "%" PRIu64 "\t", shrinker_count_parse(text.data, text.len));
                table_cell(&t, entry->d_name, strlen(entry->d_name));
                table_print(&t, "\n");
        }
        table_end(&t, 0);
}
