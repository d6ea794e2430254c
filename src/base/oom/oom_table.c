/* SPDX-License-Identifier: MIT */
/* The table of tasks in an OOM report:
 *   6.1   [  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name
 *   6.18  [  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem pgtables_bytes swapents
 * oom_score_adj name
 */
#include <errno.h>
#include <linux/oom.h>
#include <stdlib.h>

#include "base/oom/oom_line.h"

/* The columns that we know: the header's word, and where its number goes. */
#define COLUMNS(C)                                                                                           \
        C(uid, uid)                                                                                          \
        C(total_vm, total_vm_pages)                                                                          \
        C(rss, rss_pages)                                                                                    \
        C(rss_anon, rss_anon_pages)                                                                          \
        C(rss_file, rss_file_pages)                                                                          \
        C(rss_shmem, rss_shmem_pages)                                                                        \
        C(pgtables_bytes, page_tables_bytes)                                                                 \
        C(swapents, swap_pages)

enum {
        FIELD_OTHER, /* a column of a kernel that we do not know yet */
        FIELD_tgid,
        FIELD_oom_score_adj,
#define COLUMN(word, member) FIELD_##word,
        COLUMNS(COLUMN)
#undef COLUMN
};

static const struct {
        const char *word;
        uint8_t field;
} words[] = {{"tgid", FIELD_tgid},
             {"oom_score_adj", FIELD_oom_score_adj},
#define COLUMN(word, member) {#word, FIELD_##word},
             COLUMNS(COLUMN)
#undef COLUMN
};

static uint8_t field_of(const struct scan *word)
{
        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (strlen(words[i].word) == scan_left(word) &&
                    memcmp(words[i].word, word->at, scan_left(word)) == 0)
                        return words[i].field;
        return FIELD_OTHER;
}

bool oom_table_header(struct scan line, struct oom_columns *ret)
{
        struct oom_columns columns = {0};
        struct scan word;

        if (!scan_word(&line, "["))
                return false;
        scan_blanks(&line);
        if (!scan_word(&line, "pid"))
                return false;
        scan_blanks(&line);
        if (!scan_word(&line, "]"))
                return false;
        /* `name` comes last and is the only column that is no number. */
        for (scan_blanks(&line); scan_until(&line, " ", &word); scan_blanks(&line)) {
                if (columns.n == OOM_COLUMNS_MAX)
                        return false;
                columns.field[columns.n++] = field_of(&word);
        }
        if (columns.n == 0)
                return false;
        *ret = columns;
        return true;
}

static bool take_field(struct scan *line, uint8_t field, struct oom_task *task)
{
        uint64_t other;

        switch (field) {
        case FIELD_tgid:
                return scan_int(line, &task->tgid);
        case FIELD_oom_score_adj:
                return scan_int_in(line, OOM_SCORE_ADJ_MIN, OOM_SCORE_ADJ_MAX, &task->oom_score_adj);
#define COLUMN(word, member)                                                                                 \
        case FIELD_##word:                                                                                   \
                return scan_number(line, &task->member);
                COLUMNS(COLUMN)
#undef COLUMN
        default:
                scan_word(line, "-");
                return scan_number(line, &other);
        }
}

static int tasks_add(struct oom_kill *k, const struct oom_task *task)
{
        if (k->n_tasks == OOM_TASKS_MAX) {
                k->tasks_left_out++;
                return 1;
        }
        if (k->n_tasks == k->tasks_size) {
                size_t size = k->tasks_size ? 2 * k->tasks_size : 64;
                struct oom_task *grown = realloc(k->tasks, size * sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                k->tasks = grown;
                k->tasks_size = size;
        }
        k->tasks[k->n_tasks++] = *task;
        return 1;
}

int oom_table_row(struct scan line, const struct oom_columns *columns, struct oom_kill *k)
{
        struct oom_task task = {.tgid = OOM_UNKNOWN_INT,
                                .oom_score_adj = OOM_UNKNOWN_INT,
#define COLUMN(word, member) .member = OOM_UNKNOWN,
                                COLUMNS(COLUMN)
#undef COLUMN
        };

        if (columns->n == 0 || !scan_word(&line, "["))
                return 0;
        scan_blanks(&line);
        if (!scan_int(&line, &task.pid) || !scan_word(&line, "]"))
                return 0;
        for (unsigned i = 0; i < columns->n; i++) {
                scan_blanks(&line);
                if (!take_field(&line, columns->field[i], &task))
                        return 0;
        }
        /* One blank, then the name: it may begin with blanks itself. */
        if (!scan_word(&line, " "))
                return 0;
        scan_copy(&line, task.comm, sizeof(task.comm));
        return tasks_add(k, &task);
}
