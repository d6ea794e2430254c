/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/cpu_time.h"

Test(cpu_time, reads_the_kernels_line)
{
        static const struct {
                const char *text;
                int r;
                uint64_t used_ns, waited_ns;
        } cases[] = {
                {"184233671 2903341 412\n", 0, 184233671, 2903341},
                {"0 0 0\n", 0, 0, 0}, /* without CONFIG_SCHED_INFO */
                {"184233671\n", -EINVAL, 0, 0},
                {"184233671 ", -EINVAL, 0, 0},
                {"-1 2 3\n", -EINVAL, 0, 0},
                {"99999999999999999999999 1 1\n", -EINVAL, 0, 0},
                {"", -EINVAL, 0, 0},
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct cpu_time t = {0};

                cr_expect_eq(cpu_time_parse(cases[i].text, &t), cases[i].r, "'%s'", cases[i].text);
                cr_expect_eq(t.used_ns, cases[i].used_ns, "'%s'", cases[i].text);
                cr_expect_eq(t.waited_ns, cases[i].waited_ns, "'%s'", cases[i].text);
        }
}

Test(cpu_time, grows_while_a_process_works_and_knows_one_that_does_not)
{
        int fd = cpu_time_open(getpid()), status;
        uint64_t before = cpu_time_read(fd).used_ns;
        pid_t child = fork();

        if (child == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                for (;;)
                        ;
        }
        if (fd < 0 || before == 0)
                cr_log_info("a kernel without CONFIG_SCHED_INFO");
        else
                while (cpu_time_read(fd).used_ns == before)
                        ;
        close(fd);
        cr_expect(cpu_time_is_wanted(child));
        kill(child, SIGSTOP);
        cr_assert_eq(waitpid(child, &status, WUNTRACED), child);
        cr_expect_not(cpu_time_is_wanted(child));
        kill(child, SIGKILL);
        cr_assert_eq(waitpid(child, &status, 0), child);
        cr_expect_not(cpu_time_is_wanted(child));
        cr_expect_eq(cpu_time_read(-1).used_ns, 0);
}
