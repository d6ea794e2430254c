/* SPDX-License-Identifier: MIT */
#include "agent_so/inject/hooks.h"

#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "agent_so/state.h"
#include "agent_so/modules/elf_image.h"
#include "agent_so/modules/module_find.h"
#include "agent_so/interpose/real.h"
#include "agent_so/inject/slot_write.h"
#include "agent_so/uncancelled.h"
#include "base/clock.h"

#define AGAIN_NS   (10 * NS_PER_S) /* between two looks at calls that were not bound */
#define FORK_WAITS 1000            /* ms: fork() waits for a walk that is under way, but not for ever */

static struct hook {
        const char *name;
        uintptr_t ours, real;
        bool alone; /* no file but one defines the name */
} hooks[] = {
#define HOOK(name_) {.name = name_},
#include "agent_so/inject/hooks.def"
#undef HOOK
};
#define N_HOOKS (sizeof(hooks) / sizeof(hooks[0]))

/* Hooks by an address: of ours, or of the real functions. */
#define INDEX_SIZE 256
struct index {
        const struct hook *at[INDEX_SIZE];
};
static struct index by_real, by_ours;

/* What holds for this process and, as copied, for its children: they inherit the hooks. */
static uint32_t busy;            /* a walk is under way */
static uint32_t wanted, settled; /* on? */
static uint64_t adds_seen;       /* dlpi_adds of the last walk */
static uint64_t again_ns;        /* when to look again; UINT64_MAX: no need */
static uint32_t hooked_words, missed_words;

/* --- the index --- */

static uintptr_t key_of(const struct hook *h, bool ours)
{
        return ours ? h->ours : h->real;
}

static size_t index_slot(uintptr_t address)
{
        return (address >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 56;
}

/* The first of several with one address (mmap and mmap64): they are one function. */
static void index_add(struct index *index, const struct hook *h, bool ours)
{
        uintptr_t key = key_of(h, ours);
        size_t i = index_slot(key);

        for (; index->at[i]; i = (i + 1) % INDEX_SIZE)
                if (key_of(index->at[i], ours) == key)
                        return;
        index->at[i] = h;
}

static const struct hook *index_find(const struct index *index, uintptr_t key, bool ours)
{
        for (size_t i = index_slot(key); index->at[i]; i = (i + 1) % INDEX_SIZE)
                if (key_of(index->at[i], ours) == key)
                        return index->at[i];
        return NULL;
}

_Static_assert(INDEX_SIZE == 256, "index_slot() takes 8 bits");
_Static_assert(N_HOOKS < INDEX_SIZE / 2, "half of the index is free");

/* --- the files --- */

static size_t page_size(void)
{
        return (size_t)getauxval(AT_PAGESZ);
}

static bool open_image(const struct dl_phdr_info *info, struct elf_image *ret)
{
        return elf_image_open(info->dlpi_addr, info->dlpi_phdr, info->dlpi_phnum, page_size(), ret);
}

static bool is_own(const struct elf_image *image)
{
        return elf_image_holds(image, (uintptr_t)hooks_init, 1, PF_X);
}

static int find_ours(struct dl_phdr_info *info, size_t size, void *arg)
{
        struct elf_image image;

        (void)size;
        if (!open_image(info, &image) || !is_own(&image))
                return 0;
        for (size_t i = 0; i < N_HOOKS; i++)
                hooks[i].ours = elf_image_find(&image, hooks[i].name);
        *(bool *)arg = true;
        return 1;
}

/* An operator is ours to count only where it is the allocator's own: libstdc++'s calls malloc. */
static bool is_operator_to_pass(const struct hook *h)
{
        return h->name[0] == '_' && h->name[1] == 'Z' && !real_is_allocator(h->real);
}

static bool take(void)
{
        uint32_t expected = 0;

        return __atomic_compare_exchange_n(&busy, &expected, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static void release(void)
{
        __atomic_store_n(&busy, 0, __ATOMIC_RELEASE);
}

/* Who forks while a walk is under way would leave the child with the loader's lock held by nobody, and perhaps with a
 * writable page. */
static void before_fork(void)
{
        _uncancelled_ struct uncancelled cancel = uncancelled_begin();

        for (unsigned ms = 0; ms < FORK_WAITS && __atomic_load_n(&busy, __ATOMIC_ACQUIRE); ms++)
                usleep(1000);
}

static void in_child(void)
{
        slot_write_forked();
        release();
}

int hooks_init(void)
{
        static bool done;
        bool found = false;

        if (done)
                return 0;
        if (module_is_program((uintptr_t)real.malloc))
                return -ENOTSUP;
        dl_iterate_phdr(find_ours, &found);
        if (!found || !hooks[0].ours)
                return -ENOEXEC;
        for (size_t i = 0; i < N_HOOKS; i++) {
                struct hook *h = &hooks[i];

                h->real = (uintptr_t)real_symbol(h->name);
                if (!h->real || !h->ours || is_operator_to_pass(h))
                        continue;
                index_add(&by_real, h, false);
                index_add(&by_ours, h, true);
        }
        pthread_atfork(before_fork, NULL, in_child);
        done = true;
        return 0;
}

/* --- the walk --- */

/* How far a walk has come, that may be done in several parts. */
static struct progress {
        bool going, on;
        uint64_t adds, subs;     /* of the loader's list: another one is walked from its beginning */
        size_t compared, walked; /* files */
        uint32_t hooked, unbound, refused;
        unsigned restarts; /* since the last walk that came to its end */
} progress;

/* Files come and go as fast as we walk: then it is done at one go. */
#define RESTARTS_MAX 3

struct walk {
        const struct elf_image *image;
        struct slot_writer writer;
        size_t file; /* in the loader's list */
        uint64_t until_ns;
};

static int time_is_up(const struct walk *w)
{
        return w->until_ns != UINT64_MAX && clock_monotonic_ns() >= w->until_ns;
}

static void compare(const struct elf_image *image)
{
        for (size_t i = 0; i < N_HOOKS; i++) {
                uintptr_t found = hooks[i].real && hooks[i].alone ? elf_image_find(image, hooks[i].name) : 0;

                if (found && found != hooks[i].real)
                        hooks[i].alone = false;
        }
}

static int look_for_others(struct dl_phdr_info *info, size_t size, void *arg)
{
        struct walk *w = arg;
        struct elf_image image;

        (void)size;
        if (w->file++ < progress.compared)
                return 0;
        if (open_image(info, &image) && !is_own(&image))
                compare(&image);
        progress.compared++;
        return time_is_up(w);
}

/* A call that is not bound yet: what would it be bound to? */
static const struct hook *unbound(struct walk *w, const struct elf_slot *slot, uintptr_t value)
{
        const char *name;

        if (slot->kind != ELF_SLOT_CALL || !elf_image_holds(w->image, value, 1, PF_X))
                return NULL;
        /* What leads into a file may be its own function, called through a table.  The allocator calls itself. */
        if (!elf_image_imports(w->image, slot->symbol) && !real_is_allocator(value))
                return NULL;
        name = elf_image_symbol(w->image, slot->symbol);
        for (size_t i = 0; name && i < N_HOOKS; i++) {
                if (strcmp(name, hooks[i].name) != 0 || !index_find(&by_ours, hooks[i].ours, true))
                        continue;
                if (hooks[i].alone)
                        return &hooks[i];
                progress.unbound++;
        }
        return NULL;
}

static void visit(const struct elf_slot *slot, void *arg)
{
        struct walk *w = arg;
        uintptr_t value = __atomic_load_n(slot->word, __ATOMIC_RELAXED);
        const struct hook *h = index_find(progress.on ? &by_real : &by_ours, value, !progress.on);

        if (!h && progress.on) {
                if (index_find(&by_ours, value, true)) {
                        progress.hooked++;
                        return;
                }
                h = unbound(w, slot, value);
        }
        if (h && slot_write(&w->writer, slot->word, value, progress.on ? h->ours : h->real, slot->in_relro))
                progress.hooked += progress.on;
}

static int walk_file(struct dl_phdr_info *info, size_t size, void *arg)
{
        struct walk *w = arg;
        struct elf_image image;

        (void)size;
        if (w->file++ < progress.walked)
                return 0;
        if (open_image(info, &image) && !is_own(&image)) {
                w->image = &image;
                w->writer = (struct slot_writer){.relro_from = image.relro_from, .relro_to = image.relro_to};
                elf_image_slots(&image, visit, w);
                slot_write_end(&w->writer);
                progress.refused += w->writer.refused;
        }
        progress.walked++;
        return time_is_up(w);
}

/* A file that was new this time may not have been complete; a call that was not bound will be, one day. */
static uint64_t look_again_ns(void)
{
        if (!progress.on)
                return UINT64_MAX;
        if (progress.adds != adds_seen)
                return clock_monotonic_ns() + NS_PER_S;
        return missed_words ? clock_monotonic_ns() + AGAIN_NS : UINT64_MAX;
}

struct list_age {
        uint64_t adds, subs;
};

static int read_age(struct dl_phdr_info *info, size_t size, void *arg)
{
        (void)size;
        *(struct list_age *)arg = (struct list_age){info->dlpi_adds, info->dlpi_subs};
        return 1;
}

/* From the beginning, unless the last part was of the same walk. */
static void begin_or_go_on(bool on)
{
        struct list_age age = {0};

        dl_iterate_phdr(read_age, &age);
        if (progress.going && progress.on == on && progress.adds == age.adds && progress.subs == age.subs)
                return;
        progress = (struct progress){.going = true,
                                     .on = on,
                                     .adds = age.adds,
                                     .subs = age.subs,
                                     .restarts = progress.restarts + progress.going};
        for (size_t i = 0; i < N_HOOKS; i++)
                hooks[i].alone = true;
}

static bool go_through(uint64_t until_ns)
{
        struct walk compared = {.until_ns = until_ns}, walked = {.until_ns = until_ns};

        return (!progress.on || dl_iterate_phdr(look_for_others, &compared) == 0) &&
               dl_iterate_phdr(walk_file, &walked) == 0;
}

int hooks_apply(uint64_t until_ns)
{
        bool done;

        if (!take())
                return -EBUSY;
        begin_or_go_on(__atomic_load_n(&wanted, __ATOMIC_ACQUIRE));
        done = go_through(progress.restarts < RESTARTS_MAX ? until_ns : UINT64_MAX);
        if (done) {
                progress.going = false;
                progress.restarts = 0;
                hooked_words = progress.hooked;
                missed_words = progress.unbound + progress.refused;
                again_ns = look_again_ns();
                adds_seen = progress.adds;
                __atomic_store_n(&settled, progress.on, __ATOMIC_RELEASE);
        }
        release();
        return done ? 0 : -EINPROGRESS;
}

bool hooks_due(uint64_t now_ns)
{
        struct list_age age = {.adds = adds_seen};

        if (!hooks_settled())
                return true;
        if (!settled || !take())
                return false;
        dl_iterate_phdr(read_age, &age);
        release();
        return age.adds != adds_seen || now_ns >= again_ns;
}

void hooks_want(bool on)
{
        __atomic_store_n(&wanted, on, __ATOMIC_RELEASE);
}

bool hooks_wanted(void)
{
        return __atomic_load_n(&wanted, __ATOMIC_ACQUIRE);
}

bool hooks_on(void)
{
        return __atomic_load_n(&settled, __ATOMIC_ACQUIRE);
}

bool hooks_settled(void)
{
        return __atomic_load_n(&settled, __ATOMIC_ACQUIRE) == __atomic_load_n(&wanted, __ATOMIC_ACQUIRE);
}

void hooks_report(struct recorder_header *h)
{
        h->hooked_words = hooked_words;
        h->missed_words = missed_words;
}
