/* SPDX-License-Identifier: MIT */
/* swansong.h - for programs that run under swansong's agent (LD_PRELOAD=libswansong.so), or perhaps do not.
 *
 * Nothing is linked: without the agent these functions do nothing.  C and C++, gcc and clang.
 *
 *     swansong_note("request 4711: /report?year=2026");     the last words: the newest 32 are in the recorder
 *     swansong_dump("queue length above 10000");            take all threads' stacks and malloc's statistics now
 */
#ifndef SWANSONG_H
#define SWANSONG_H

#ifdef __cplusplus
extern "C" {
#endif

/* Keep the text (at most 232 bytes of it) with the time and the thread.  Cheap (no system call but gettid), and safe in
 * signal handlers. */
extern void swansong_note(const char *text) __attribute__((weak));

/* Take a dump into the recorder and wait for it: some ms, at most 10 s.  0; -EAGAIN: nothing is recorded (or no agent is
 * there); -EBUSY: called from the agent itself; -ETIMEDOUT.  Not for signal handlers: malloc's statistics take locks. */
extern int swansong_dump(const char *reason) __attribute__((weak));

#ifndef SWANSONG_AGENT

static __inline__ void swansong_note_if_there(const char *text)
{
        if (swansong_note)
                swansong_note(text);
}

static __inline__ int swansong_dump_if_there(const char *reason)
{
        return swansong_dump ? swansong_dump(reason) : -11; /* -EAGAIN */
}

/* So that the plain names may be called without asking. */
#define swansong_note(text)   swansong_note_if_there(text)
#define swansong_dump(reason) swansong_dump_if_there(reason)

#endif

#ifdef __cplusplus
}
#endif

#endif
