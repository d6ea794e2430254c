/* SPDX-License-Identifier: MIT */
#include "witness/btf.h"

#include <errno.h>
#include <linux/btf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* linux/btf.h of 5.17 and 6.0; older headers lack them. */
#define KIND_DECL_TAG 17
#define KIND_TYPE_TAG 18
#define KIND_ENUM64   19

/* Structures without names in one another, and fields looked at in all of them. */
#define DEPTH_MAX  8
#define FIELDS_MAX 100000

/* What follows a type's head, in bytes; -1: a kind that we do not know. */
static ssize_t tail_size(const struct btf_type *t)
{
        size_t n = BTF_INFO_VLEN(t->info);

        switch (BTF_INFO_KIND(t->info)) {
        case BTF_KIND_INT:
        case BTF_KIND_VAR:
        case KIND_DECL_TAG:
                return 4;
        case BTF_KIND_ARRAY:
                return sizeof(struct btf_array);
        case BTF_KIND_STRUCT:
        case BTF_KIND_UNION:
                return (ssize_t)(n * sizeof(struct btf_member));
        case BTF_KIND_ENUM:
                return (ssize_t)(n * sizeof(struct btf_enum));
        case BTF_KIND_FUNC_PROTO:
                return (ssize_t)(n * sizeof(struct btf_param));
        case BTF_KIND_DATASEC:
                return (ssize_t)(n * sizeof(struct btf_var_secinfo));
        case KIND_ENUM64:
                return (ssize_t)(n * 12);
        case BTF_KIND_PTR:
        case BTF_KIND_FWD:
        case BTF_KIND_TYPEDEF:
        case BTF_KIND_VOLATILE:
        case BTF_KIND_CONST:
        case BTF_KIND_RESTRICT:
        case BTF_KIND_FUNC:
        case BTF_KIND_FLOAT:
        case KIND_TYPE_TAG:
                return 0;
        default:
                return -1;
        }
}

/* Its head.  Its tail is there, too: btf_parse() has seen to it. */
static bool type_at(const struct btf *b, uint32_t id, struct btf_type *ret)
{
        if (id == 0 || id >= b->n)
                return false;
        memcpy(ret, b->types + b->at[id], sizeof(*ret));
        return true;
}

static const unsigned char *tail_at(const struct btf *b, uint32_t id)
{
        return b->types + b->at[id] + sizeof(struct btf_type);
}

static bool is_named(const struct btf *b, uint32_t offset, const char *name)
{
        size_t n = strlen(name) + 1;

        return offset < b->strings_size && b->strings_size - offset >= n &&
               memcmp(b->strings + offset, name, n) == 0;
}

/* Once to count them, then to note where they are. */
static int list_types(struct btf *b, uint32_t *at, uint32_t *ret_n)
{
        uint32_t n = 1;

        for (size_t i = 0; i < b->types_size;) {
                struct btf_type t;
                ssize_t tail;

                if (b->types_size - i < sizeof(t))
                        return -EINVAL;
                memcpy(&t, b->types + i, sizeof(t));
                tail = tail_size(&t);
                if (tail < 0)
                        return -ENOTSUP;
                if (b->types_size - i - sizeof(t) < (size_t)tail)
                        return -EINVAL;
                if (at)
                        at[n] = (uint32_t)i;
                n++;
                i += sizeof(t) + (size_t)tail;
        }
        *ret_n = n;
        return 0;
}

int btf_parse(const void *data, size_t size, struct btf *ret)
{
        struct btf_header h;
        struct btf b = {0};
        size_t body;
        int r;

        if (size < sizeof(h) || size > UINT32_MAX)
                return -EINVAL;
        memcpy(&h, data, sizeof(h));
        if (h.magic != BTF_MAGIC || h.hdr_len < sizeof(h) || h.hdr_len > size)
                return -EINVAL;
        body = size - h.hdr_len;
        if (h.type_off > body || h.type_len > body - h.type_off || h.str_off > body ||
            h.str_len > body - h.str_off)
                return -EINVAL;
        b.types = (const unsigned char *)data + h.hdr_len + h.type_off;
        b.types_size = h.type_len;
        b.strings = (const char *)data + h.hdr_len + h.str_off;
        b.strings_size = h.str_len;
        r = list_types(&b, NULL, &b.n);
        if (r < 0)
                return r;
        b.at = calloc(b.n, sizeof(*b.at));
        if (!b.at)
                return -ENOMEM;
        list_types(&b, b.at, &b.n);
        *ret = b;
        return 0;
}

void btf_done(struct btf *b)
{
        free(b->at);
        *b = (struct btf){0};
}

uint32_t btf_find(const struct btf *b, unsigned kind, const char *name)
{
        struct btf_type t;

        for (uint32_t id = 1; type_at(b, id, &t); id++)
                if (BTF_INFO_KIND(t.info) == kind && is_named(b, t.name_off, name))
                        return id;
        return 0;
}

static int find_field(const struct btf *b, uint32_t structure, const char *name, unsigned depth,
                      unsigned *looked_at)
{
        struct btf_type t;

        if (depth == DEPTH_MAX || !type_at(b, structure, &t) ||
            (BTF_INFO_KIND(t.info) != BTF_KIND_STRUCT && BTF_INFO_KIND(t.info) != BTF_KIND_UNION))
                return -ENOENT;
        for (uint32_t i = 0; i < BTF_INFO_VLEN(t.info) && ++*looked_at < FIELDS_MAX; i++) {
                struct btf_member m;
                uint32_t bits;
                int inner = -ENOENT;

                memcpy(&m, tail_at(b, structure) + i * sizeof(m), sizeof(m));
                bits = BTF_INFO_KFLAG(t.info) ? BTF_MEMBER_BIT_OFFSET(m.offset) : m.offset;
                if (BTF_INFO_KFLAG(t.info) && BTF_MEMBER_BITFIELD_SIZE(m.offset) != 0)
                        continue;
                if (m.name_off == 0)
                        inner = find_field(b, m.type, name, depth + 1, looked_at);
                else if (is_named(b, m.name_off, name))
                        inner = 0;
                if (inner >= 0 && bits % 8 == 0 && bits / 8 <= INT16_MAX - (uint32_t)inner)
                        return (int)(bits / 8) + inner;
        }
        return -ENOENT;
}

int btf_field(const struct btf *b, uint32_t structure, const char *name)
{
        unsigned looked_at = 0;

        return find_field(b, structure, name, 0, &looked_at);
}

/* What stands behind pointers, or 0. */
static uint32_t pointed_at(const struct btf *b, uint32_t id)
{
        struct btf_type t;

        return type_at(b, id, &t) && BTF_INFO_KIND(t.info) == BTF_KIND_PTR ? t.type : 0;
}

uint32_t btf_tracepoint(const struct btf *b, const char *name, const char *structure)
{
        char type_name[64];
        uint32_t id, proto;
        struct btf_type t;
        struct btf_param handed;

        if ((size_t)snprintf(type_name, sizeof(type_name), "btf_trace_%s", name) >= sizeof(type_name))
                return 0;
        id = btf_find(b, BTF_KIND_TYPEDEF, type_name);
        if (!type_at(b, id, &t))
                return 0;
        proto = pointed_at(b, t.type);
        /* The first parameter is the tracepoint's own. */
        if (!type_at(b, proto, &t) || BTF_INFO_KIND(t.info) != BTF_KIND_FUNC_PROTO ||
            BTF_INFO_VLEN(t.info) < 2)
                return 0;
        memcpy(&handed, tail_at(b, proto) + sizeof(handed), sizeof(handed));
        if (!type_at(b, pointed_at(b, handed.type), &t) || BTF_INFO_KIND(t.info) != BTF_KIND_STRUCT ||
            !is_named(b, t.name_off, structure))
                return 0;
        return id;
}
