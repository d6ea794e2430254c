/* SPDX-License-Identifier: MIT */
#include "cli/watch/exit_events.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/target.h"

/* struct proc_event is 8-byte aligned by its timestamp, but stands at offset 36: copied out, never pointed to. */
#define EVENT_OFFSET (sizeof(struct nlmsghdr) + sizeof(struct cn_msg))
#define AT(field)    ((uint32_t)(EVENT_OFFSET + offsetof(struct proc_event, field)))

#define YOUNG_NS NS_PER_S

static int subscribe(int fd)
{
        const enum proc_cn_mcast_op op = PROC_CN_MCAST_LISTEN;
        const struct cn_msg connector = {.id = {CN_IDX_PROC, CN_VAL_PROC}, .len = sizeof(op)};
        char request[EVENT_OFFSET + sizeof(op)];
        const struct nlmsghdr netlink = {.nlmsg_len = sizeof(request), .nlmsg_type = NLMSG_DONE};

        memcpy(request, &netlink, sizeof(netlink));
        memcpy(request + sizeof(netlink), &connector, sizeof(connector));
        memcpy(request + EVENT_OFFSET, &op, sizeof(op));
        return send(fd, request, sizeof(request), 0) < 0 ? -errno : 0;
}

int exit_events_open(struct exit_events *ret)
{
        _cleanup_(exit_events_close) struct exit_events e = EXIT_EVENTS_NONE;
        struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC};
        struct stat ns;
        int r;

        /* The kernel takes the subscription of another PID namespace, and then sends nothing. */
        if (stat("/proc/self/ns/pid", &ns) < 0 || ns.st_ino != PID_NS_INIT_INO)
                return -ESRCH;
        e.fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR);
        if (e.fd < 0)
                return -errno;
        /* Nothing passes before the filter knows whom we watch. */
        r = exit_events_watch(&e, NULL, 0);
        if (r == 0 && bind(e.fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                r = -errno;
        if (r == 0)
                r = subscribe(e.fd);
        if (r < 0)
                return r;
        *ret = e;
        e = EXIT_EVENTS_NONE;
        return 0;
}

void exit_events_close(struct exit_events *e)
{
        fd_closep(&e->fd);
}

int exit_events_watch(const struct exit_events *e, const pid_t *pids, size_t n)
{
        static struct sock_filter code[2 * EXIT_EVENTS_MAX + 8];
        struct sock_fprog program = {.filter = code};
        size_t i = 0;

        if (n > EXIT_EVENTS_MAX)
                return -E2BIG;
        /* The filter's loads turn network into host order; the event is in host order. */
        code[i++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, AT(what));
        code[i++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(PROC_EVENT_EXIT), 1, 0);
        code[i++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
        code[i++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, AT(event_data.exit.process_pid));
        for (size_t p = 0; p < n; p++) {
                code[i++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl((uint32_t)pids[p]),
                                                         0, 1);
                code[i++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
        }
        code[i++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
        program.len = (unsigned short)i;
        return setsockopt(e->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno : 0;
}

/* 0, -EAGAIN when there is none, -EINVAL when it is no event that we know. */
static int read_event(int fd, struct exit_event *ret)
{
        char message[512];
        struct proc_event event = {0};
        ssize_t n = recv(fd, message, sizeof(message), 0);
        size_t size;

        if (n < 0)
                return errno == EAGAIN ? -EAGAIN : -EINVAL;
        if ((size_t)n < AT(event_data.exit.exit_signal))
                return -EINVAL;
        size = (size_t)n - EVENT_OFFSET;
        memcpy(&event, message + EVENT_OFFSET, size < sizeof(event) ? size : sizeof(event));
        *ret = (struct exit_event){.pid = event.event_data.exit.process_pid,
                                   .status = (int)event.event_data.exit.exit_code,
                                   .time_ns = event.timestamp_ns};
        return 0;
}

int exit_events_find(struct exit_events *e, pid_t pid, int *ret_status)
{
        uint64_t now_ns = clock_monotonic_ns();
        const struct exit_event *found = NULL;
        int r = 0;

        for (unsigned i = 0; i < EXIT_EVENTS_KEPT; i++)
                if (e->kept[i].pid == pid)
                        found = &e->kept[i];
        while (!found && e->fd >= 0 && r != -EAGAIN) {
                struct exit_event *event = &e->kept[e->next];

                r = read_event(e->fd, event);
                if (r < 0)
                        continue;
                e->next = (e->next + 1) % EXIT_EVENTS_KEPT;
                if (event->pid == pid)
                        found = event;
        }
        if (!found || (now_ns > found->time_ns && now_ns - found->time_ns > YOUNG_NS))
                return -ENODATA;
        *ret_status = found->status;
        return 0;
}
