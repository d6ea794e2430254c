/* SPDX-License-Identifier: MIT */
#include "capture/collectors/sock_diag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "base/cleanup.h"

/* The kernel fills at most 32 KiB per recvmsg() (max_recvmsg_len in net/netlink/af_netlink.c). */
#define RECEIVE_SIZE 32768

#define STATE_TIME_WAIT 6 /* include/net/tcp_states.h */

int sock_diag_enter(int proc_fd, bool may_move)
{
        _cleanup_fd_ int theirs = openat(proc_fd, "ns/net", O_RDONLY | O_CLOEXEC);
        struct stat ours_st, theirs_st;

        if (theirs < 0)
                return -errno;
        if (stat("/proc/thread-self/ns/net", &ours_st) < 0 || fstat(theirs, &theirs_st) < 0)
                return -errno;
        if (ours_st.st_ino == theirs_st.st_ino && ours_st.st_dev == theirs_st.st_dev)
                return 0;
        if (!may_move)
                return -EXDEV;
        return setns(theirs, CLONE_NEWNET) < 0 ? -errno : 0;
}

static void socket_closep(struct mnl_socket **nl)
{
        if (*nl)
                mnl_socket_close(*nl);
}

static int socket_open(struct mnl_socket **ret)
{
        struct timeval patience = {.tv_sec = 1};

        *ret = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
        if (!*ret || mnl_socket_bind(*ret, 0, MNL_SOCKET_AUTOPID) < 0)
                return -errno;
        setsockopt(mnl_socket_get_fd(*ret), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        return 0;
}

static int request_send(struct mnl_socket *nl, int family, int protocol)
{
        char memory[256] = {0};
        struct nlmsghdr *head = mnl_nlmsg_put_header(memory);

        head->nlmsg_type = SOCK_DIAG_BY_FAMILY;
        head->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
        if (family == AF_UNIX) {
                struct unix_diag_req *q = mnl_nlmsg_put_extra_header(head, sizeof(*q));

                q->sdiag_family = AF_UNIX;
                q->udiag_states = UINT32_MAX;
                q->udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_MEMINFO;
        } else {
                struct inet_diag_req_v2 *q = mnl_nlmsg_put_extra_header(head, sizeof(*q));

                q->sdiag_family = (uint8_t)family;
                q->sdiag_protocol = (uint8_t)protocol;
                q->idiag_ext = 1 << (INET_DIAG_SKMEMINFO - 1);
                q->idiag_states = ~(UINT32_C(1) << STATE_TIME_WAIT);
        }
        return mnl_socket_sendto(nl, head, head->nlmsg_len) < 0 ? -errno : 0;
}

static void take_meminfo(const struct nlattr *a, struct sock_entry *s)
{
        size_t n = mnl_attr_get_payload_len(a);

        memcpy(s->meminfo, mnl_attr_get_payload(a), n < sizeof(s->meminfo) ? n : sizeof(s->meminfo));
        s->has_meminfo = true;
}

static int take_inet(const struct nlmsghdr *head, int protocol, struct sock_entry *s)
{
        const struct inet_diag_msg *m = mnl_nlmsg_get_payload(head);
        const struct nlattr *a;

        if (mnl_nlmsg_get_payload_len(head) < sizeof(*m))
                return -EBADMSG;
        *s = (struct sock_entry){
                .inode = m->idiag_inode,
                .family = m->idiag_family,
                .type = protocol == IPPROTO_TCP ? SOCK_STREAM : SOCK_DGRAM,
                .state = m->idiag_state,
                .timer = m->idiag_timer,
                .retrans = m->idiag_retrans,
                .local_port = ntohs(m->id.idiag_sport),
                .remote_port = ntohs(m->id.idiag_dport),
                .expires_ms = m->idiag_expires,
                .rx_queue = m->idiag_rqueue,
                .tx_queue = m->idiag_wqueue,
                .uid = m->idiag_uid,
        };
        memcpy(s->local, m->id.idiag_src, sizeof(s->local));
        memcpy(s->remote, m->id.idiag_dst, sizeof(s->remote));
        mnl_attr_for_each(a, head, sizeof(*m)) if (mnl_attr_get_type(a) == INET_DIAG_SKMEMINFO)
                take_meminfo(a, s);
        return 0;
}

static int take_unix(const struct nlmsghdr *head, struct sock_entry *s)
{
        const struct unix_diag_msg *m = mnl_nlmsg_get_payload(head);
        const struct nlattr *a;

        if (mnl_nlmsg_get_payload_len(head) < sizeof(*m))
                return -EBADMSG;
        *s = (struct sock_entry){
                .inode = m->udiag_ino, .family = AF_UNIX, .type = m->udiag_type, .state = m->udiag_state};
        mnl_attr_for_each(a, head, sizeof(*m))
        {
                if (mnl_attr_get_type(a) == UNIX_DIAG_MEMINFO)
                        take_meminfo(a, s);
                if (mnl_attr_get_type(a) == UNIX_DIAG_NAME) {
                        s->name = mnl_attr_get_payload(a);
                        s->name_len = mnl_attr_get_payload_len(a);
                }
        }
        /* The kernel stores a path with its NUL; an abstract name begins with one. */
        if (s->name_len > 0 && s->name[0] != '\0')
                s->name_len = strnlen(s->name, s->name_len);
        return 0;
}

/* The answers in one buffer.  0: more to come; 1: ended by `each`; 2: the last; -errno. */
static int answers_take(const char *data, int len, int protocol,
                        bool (*each)(void *ctx, const struct sock_entry *s), void *ctx)
{
        for (const struct nlmsghdr *head = (const void *)data; mnl_nlmsg_ok(head, len);
             head = mnl_nlmsg_next(head, &len)) {
                struct sock_entry s;
                int r;

                if (head->nlmsg_type == NLMSG_DONE)
                        return 2;
                if (head->nlmsg_type == NLMSG_ERROR) {
                        const struct nlmsgerr *e = mnl_nlmsg_get_payload(head);

                        return mnl_nlmsg_get_payload_len(head) < sizeof(*e) ? -EBADMSG
                               : e->error < 0                               ? e->error
                                                                            : -EIO;
                }
                if (head->nlmsg_type != SOCK_DIAG_BY_FAMILY)
                        continue;
                r = protocol ? take_inet(head, protocol, &s) : take_unix(head, &s);
                if (r < 0)
                        return r;
                if (!each(ctx, &s))
                        return 1;
        }
        return 0;
}

/* Each table has a netlink socket of its own: one whose dump was not read to its end refuses another (EBUSY), and goes on with
 * the former table's answers. */
int sock_diag_dump(int family, int protocol, bool (*each)(void *ctx, const struct sock_entry *s), void *ctx)
{
        char data[RECEIVE_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
        _cleanup_(socket_closep) struct mnl_socket *nl = NULL;
        int r = socket_open(&nl);

        if (r == 0)
                r = request_send(nl, family, protocol);
        while (r == 0) {
                ssize_t n = mnl_socket_recvfrom(nl, data, sizeof(data));

                if (n < 0 && errno == EINTR)
                        continue;
                r = n < 0 ? -errno : answers_take(data, (int)n, protocol, each, ctx);
        }
        return r == 2 ? 0 : r;
}
