/* SPDX-License-Identifier: MIT */
/* btf - the two things that our BPF program has to know of this kernel, out of /sys/kernel/btf/vmlinux: where a field of a
 * structure is, and what a tracepoint hands over.
 *
 * The format: include/uapi/linux/btf.h and Documentation/bpf/btf.rst; 6.18 has 5 MiB and 150,000 types of it.  libbpf reads it, too, but
 * needs libelf, which has no place in a program that runs where memory is short.  Knows no I/O; no text makes it read beyond.
 */
#ifndef SWANSONG_WITNESS_BTF_H
#define SWANSONG_WITNESS_BTF_H

#include <stddef.h>
#include <stdint.h>

struct btf {
        const unsigned char *types; /* borrowed from what was parsed */
        size_t types_size;
        const char *strings;
        size_t strings_size;
        uint32_t *at; /* malloc'ed: where in `types` each type stands; type 0 (void) is none of them */
        uint32_t n;   /* types are 1 … n - 1 */
};

/* `data` must outlive *ret.  0; -EINVAL: damaged; -ENOTSUP: a kind of type that is newer than we are; -ENOMEM. */
int btf_parse(const void *data, size_t size, struct btf *ret);
void btf_done(struct btf *b);

/* The number of the first type of that kind (BTF_KIND_*) and name, or 0. */
uint32_t btf_find(const struct btf *b, unsigned kind, const char *name);

/* Where in the structure the field is, in bytes; also one of a structure without a name in it.  -ENOENT: it has none, or a field of
 * bits. */
int btf_field(const struct btf *b, uint32_t structure, const char *name);

/* The raw tracepoint's number (typedef btf_trace_NAME), when the first thing that it hands over is a `struct STRUCTURE *`.  0: not so. */
uint32_t btf_tracepoint(const struct btf *b, const char *name, const char *structure);

#endif
