/* SPDX-License-Identifier: MIT */
#include "agent_so/modules/module_find.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>

/* glibc's <dlfcn.h>, 2.35 and later; written out so that the agent builds with and runs on older ones. */
struct find_object_result {
        uint64_t flags;
        void *map_start, *map_end;
        struct link_map *link_map;
        void *eh_frame;
        uint64_t reserved[7];
};

static int (*find_object)(void *, struct find_object_result *);

#define SNAPSHOT_MAX 512
static struct module_range snapshots[2][SNAPSHOT_MAX];
static unsigned snapshot_count[2];
static unsigned snapshot_now; /* which of the two is read */

static int snapshot_add(struct dl_phdr_info *info, size_t size, void *arg)
{
        unsigned into = *(unsigned *)arg, n = snapshot_count[into];
        struct module_range m = {.start = UINTPTR_MAX, .bias = info->dlpi_addr, .path = info->dlpi_name};
        uintptr_t page = 4095;

        (void)size;
        if (n == SNAPSHOT_MAX)
                return 1;
        for (unsigned i = 0; i < info->dlpi_phnum; i++) {
                const ElfW(Phdr) *p = &info->dlpi_phdr[i];
                uintptr_t at = info->dlpi_addr + p->p_vaddr;

                if (p->p_type == PT_LOAD) {
                        if ((at & ~page) < m.start)
                                m.start = at & ~page;
                        if (at + p->p_memsz > m.end)
                                m.end = (at + p->p_memsz + page) & ~page;
                } else if (p->p_type == PT_GNU_EH_FRAME) {
                        m.eh_frame_hdr = (const uint8_t *)at;
                }
        }
        if (m.end > m.start)
                snapshots[into][snapshot_count[into]++] = m;
        return 0;
}

void module_find_refresh(void)
{
        unsigned into = !__atomic_load_n(&snapshot_now, __ATOMIC_RELAXED);

        if (find_object)
                return;
        snapshot_count[into] = 0;
        dl_iterate_phdr(snapshot_add, &into);
        __atomic_store_n(&snapshot_now, into, __ATOMIC_RELEASE);
}

void module_find_init(void)
{
        find_object = (int (*)(void *, struct find_object_result *))dlsym(RTLD_DEFAULT, "_dl_find_object");
        module_find_refresh();
}

bool module_find(uintptr_t pc, struct module_range *ret)
{
        unsigned now = __atomic_load_n(&snapshot_now, __ATOMIC_ACQUIRE);
        struct find_object_result found;

        if (find_object) {
                if (find_object((void *)pc, &found) != 0)
                        return false;
                *ret = (struct module_range){
                        .start = (uintptr_t)found.map_start,
                        .end = (uintptr_t)found.map_end,
                        .bias = found.link_map ? found.link_map->l_addr : 0,
                        .path = found.link_map && found.link_map->l_name ? found.link_map->l_name : "",
                        .eh_frame_hdr = found.eh_frame};
                return true;
        }
        for (unsigned i = 0; i < snapshot_count[now]; i++)
                if (pc - snapshots[now][i].start < snapshots[now][i].end - snapshots[now][i].start) {
                        *ret = snapshots[now][i];
                        return true;
                }
        return false;
}

bool module_is_program(uintptr_t address)
{
        const ElfW(Phdr) *headers = (const ElfW(Phdr) *)getauxval(AT_PHDR);
        size_t n = getauxval(AT_PHNUM);
        uintptr_t bias = 0;

        for (size_t i = 0; headers && i < n; i++)
                if (headers[i].p_type == PT_PHDR)
                        bias = (uintptr_t)headers - headers[i].p_vaddr;
        for (size_t i = 0; headers && i < n; i++)
                if (headers[i].p_type == PT_LOAD && address - bias - headers[i].p_vaddr < headers[i].p_memsz)
                        return true;
        return false;
}
