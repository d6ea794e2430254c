/* SPDX-License-Identifier: MIT */
#include "analysis/manifest.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

#define FORMAT 1

/* A dump of everything has about 200 rows. */
#define SECTIONS_MAX 65536

const struct manifest manifest_unknown = {
        .format = REPORT_UNKNOWN,
        .page_size = REPORT_UNKNOWN,
        .clock_ticks = REPORT_UNKNOWN,
        .boot_time_ns = REPORT_UNKNOWN,
        .monotonic_ns = REPORT_UNKNOWN,
        .time_ns = REPORT_UNKNOWN,
        .ms_before_kill = NAN,
        .pid = REPORT_UNKNOWN,
        .ppid = REPORT_UNKNOWN,
        .start_ticks = REPORT_UNKNOWN,
        .uid = REPORT_UNKNOWN,
        .pause_ns = REPORT_UNKNOWN,
        .threads_listed = REPORT_UNKNOWN,
        .threads_stopped = REPORT_UNKNOWN,
};

/* What is not there, or is something else, is unknown.  (json_object_get(NULL) is NULL.) */
static uint64_t get_uint(const json_t *object, const char *key)
{
        const json_t *value = json_object_get(object, key);

        return json_is_integer(value) && json_integer_value(value) >= 0 ? (uint64_t)json_integer_value(value)
                                                                        : REPORT_UNKNOWN;
}

static bool get_true(const json_t *object, const char *key)
{
        return json_is_true(json_object_get(object, key));
}

struct strings { /* copies into the pool, and whether memory was out */
        struct pool *pool;
        bool failed;
};

static const char *get_string(struct strings *s, const json_t *object, const char *key)
{
        const json_t *value = json_object_get(object, key);
        const char *copy;

        if (!json_is_string(value))
                return NULL;
        copy = pool_strdup(s->pool, json_string_value(value));
        s->failed = s->failed || !copy;
        return copy;
}

/* Namespaces' inode numbers, as the text that /proc/PID/ns shows: "mnt:[4026531841]". */
static void take_namespaces(struct strings *s, json_t *object, struct manifest *m)
{
        size_t n = 0, size = json_object_size(object);
        struct report_ns *list;
        const char *key;
        json_t *value;

        if (size == 0)
                return;
        list = pool_alloc(s->pool, size * sizeof(*list));
        if (!list) {
                s->failed = true;
                return;
        }
        json_object_foreach(object, key, value)
        {
                char text[32];

                if (!json_is_integer(value))
                        continue;
                snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
                list[n].name = pool_strdup(s->pool, key);
                list[n].value = pool_strdup(s->pool, text);
                s->failed = s->failed || !list[n].name || !list[n].value;
                n++;
        }
        m->namespaces = list;
        m->n_namespaces = n;
}

static void take_sections(struct strings *s, const json_t *array, struct manifest *m)
{
        size_t n = 0, size = json_array_size(array);
        struct manifest_section *list;

        if (size > SECTIONS_MAX)
                size = SECTIONS_MAX;
        if (size == 0)
                return;
        list = pool_alloc(s->pool, size * sizeof(*list));
        if (!list) {
                s->failed = true;
                return;
        }
        for (size_t i = 0; i < size; i++) {
                const json_t *row = json_array_get(array, i);

                list[n] = (struct manifest_section){
                        .path = get_string(s, row, "path"),
                        .status = get_string(s, row, "status"),
                        .reason = get_string(s, row, "reason"),
                        .err = get_uint(row, "errno"),
                        .optional = get_true(row, "optional"),
                        .bytes = get_uint(row, "bytes"),
                };
                if (list[n].path)
                        n++;
        }
        m->sections = list;
        m->n_sections = n;
}

static void take_all(struct strings *s, const json_t *root, struct manifest *m)
{
        const json_t *host = json_object_get(root, "host"), *trigger = json_object_get(root, "trigger"),
                     *target = json_object_get(root, "target"), *threads = json_object_get(root, "threads"),
                     *before_kill = json_object_get(trigger, "ms_before_kill");

        m->complete = get_true(root, "complete");
        m->version = get_string(s, root, "swansong");
        m->time_ns = get_uint(root, "time_ns");
        m->monotonic_ns = get_uint(root, "monotonic_ns");
        m->pause_ns = get_uint(root, "pause_ns");

        m->hostname = get_string(s, host, "hostname");
        m->kernel = get_string(s, host, "kernel");
        m->machine = get_string(s, host, "machine");
        m->page_size = get_uint(host, "page_size");
        m->clock_ticks = get_uint(host, "clock_ticks");
        m->boot_time_ns = get_uint(host, "boot_time_ns");

        m->trigger_kind = get_string(s, trigger, "kind");
        m->trigger_sentence = get_string(s, trigger, "sentence");
        m->trigger_guarantee = get_string(s, trigger, "guarantee");
        m->ms_before_kill = json_is_number(before_kill) ? json_number_value(before_kill) : NAN;

        m->no_target = json_is_null(target);
        m->pid = get_uint(target, "pid");
        m->ppid = get_uint(target, "ppid");
        m->start_ticks = get_uint(target, "start_ticks");
        m->uid = get_uint(target, "uid");
        m->comm = get_string(s, target, "comm");
        m->exe = get_string(s, target, "exe");
        m->exe_deleted = get_true(target, "exe_deleted");
        m->build_id = get_string(s, target, "build_id");
        m->state = get_string(s, target, "state");
        m->condition = get_string(s, target, "condition");
        take_namespaces(s, json_object_get(target, "namespaces"), m);

        m->threads_listed = get_uint(threads, "listed");
        m->threads_stopped = get_uint(threads, "stopped");
        take_sections(s, json_object_get(root, "sections"), m);
}

int manifest_parse(const char *text, size_t len, struct pool *pool, struct manifest *ret, struct diag *d)
{
        json_error_t error;
        _cleanup_(json_decrefp) json_t *root = json_loadb(text, len, 0, &error);
        struct strings strings = {.pool = pool};
        struct manifest m = manifest_unknown;

        if (!root)
                return diag_set(d, -EINVAL, "damaged (line %d: %s)", error.line, error.text);
        if (!json_is_object(root))
                return diag_set(d, -EINVAL, "damaged (not an object)");
        m.format = get_uint(root, "format");
        if (m.format != FORMAT)
                return diag_set(d, -EINVAL, "its format is not %d: made by a later swansong, or damaged",
                                FORMAT);
        take_all(&strings, root, &m);
        if (strings.failed)
                return -ENOMEM;
        *ret = m;
        return 0;
}

bool manifest_section_ok(const struct manifest *m, const char *path)
{
        for (size_t i = 0; i < m->n_sections; i++)
                if (strcmp(m->sections[i].path, path) == 0)
                        return m->sections[i].status && strcmp(m->sections[i].status, "ok") == 0;
        return false;
}

bool manifest_left_out(const struct manifest *m, const char *path)
{
        if (!m->complete || m->n_sections == 0)
                return false;
        for (size_t i = 0; i < m->n_sections; i++)
                if (strcmp(m->sections[i].path, path) == 0)
                        return false;
        return true;
}
