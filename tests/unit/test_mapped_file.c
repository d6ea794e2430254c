/* SPDX-License-Identifier: MIT */
/* A directory in the place of /proc/PID, whose `root` is a directory, too: what a hostile process may put there. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mapped_file.h"

static char proc[] = "/tmp/swansong-test-mapped.XXXXXX";
static int proc_fd, root_fd;

static void make_proc(void)
{
        cr_assert_not_null(mkdtemp(proc));
        proc_fd = open(proc, O_PATH | O_DIRECTORY);
        cr_assert_eq(mkdirat(proc_fd, "root", 0700), 0);
        root_fd = openat(proc_fd, "root", O_PATH | O_DIRECTORY);
        cr_assert_eq(mkdirat(root_fd, "lib", 0700), 0);
        close(openat(root_fd, "lib/x.so", O_WRONLY | O_CREAT, 0600));
}

static void remove_proc(void)
{
        close(root_fd);
        close(proc_fd);
        dir_remove_tree(AT_FDCWD, proc);
}

TestSuite(mapped_file, .init = make_proc, .fini = remove_proc);

static ino_t inode_of(int dir, const char *name)
{
        struct stat st;

        cr_assert_eq(fstatat(dir, name, &st, 0), 0, "%s", name);
        return st.st_ino;
}

/* 0, or what opening it failed with. */
static int open_path(const char *path, ino_t inode)
{
        const struct maps_line m = {
                .start = 4096, .end = 8192, .inode = inode, .path = path, .path_len = strlen(path)};
        int fd = mapped_file_open(proc_fd, &m);

        if (fd < 0)
                return fd;
        close(fd);
        return 0;
}

Test(mapped_file, it_is_the_one_with_the_mappings_inode)
{
        ino_t inode = inode_of(root_fd, "lib/x.so");

        cr_expect_eq(open_path("/lib/x.so", inode), 0);
        cr_expect_eq(open_path("/lib/x.so", inode + 1), -ESTALE);
        cr_expect_eq(open_path("/lib/x.so (deleted)", inode), -ENOENT);
        cr_expect_eq(open_path("[heap]", inode), -ENOENT);
}

Test(mapped_file, a_fifo_is_neither_opened_nor_waited_for)
{
        cr_assert_eq(mkfifoat(root_fd, "lib/fifo", 0600), 0);
        cr_expect_eq(open_path("/lib/fifo", inode_of(root_fd, "lib/fifo")), -ESTALE);
}

Test(mapped_file, no_link_leads_out_of_the_processes_root)
{
        static const char outside[] = "/etc/passwd";

        cr_assert_eq(symlinkat("/etc", root_fd, "etc"), 0);
        cr_assert_eq(symlinkat("../../../../../../../etc", root_fd, "up"), 0);
        cr_expect_lt(open_path(outside, inode_of(AT_FDCWD, outside)), 0);
        cr_expect_lt(open_path("/up/passwd", inode_of(AT_FDCWD, outside)), 0);
        cr_expect_lt(open_path("/../../../../../../etc/passwd", inode_of(AT_FDCWD, outside)), 0);
        cr_assert_eq(symlinkat("/lib", root_fd, "usrlib"), 0);
        cr_expect_eq(open_path("/usrlib/x.so", inode_of(root_fd, "lib/x.so")), 0);
}

Test(mapped_file, a_removed_file_is_reached_through_its_mapping)
{
        int self = open("/proc/self", O_PATH | O_DIRECTORY), fd = openat(root_fd, "lib/x.so", O_RDWR);
        struct maps_line m = {.path = "/nowhere", .path_len = 8};
        void *p;

        cr_assert_eq(ftruncate(fd, 4096), 0);
        p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
        cr_assert_neq(p, MAP_FAILED);
        unlinkat(root_fd, "lib/x.so", 0);
        m.start = (uint64_t)(uintptr_t)p;
        m.end = m.start + (uint64_t)sysconf(_SC_PAGESIZE);
        close(fd);
        fd = mapped_file_open(self, &m);
        if (fd < 0 && geteuid() != 0)
                cr_skip("only root may use map_files");
        cr_expect_geq(fd, 0);
        close(fd);
        close(self);
}
