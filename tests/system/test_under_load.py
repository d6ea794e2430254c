# SPDX-License-Identifier: MIT
"""Real servers that were started without us, under load: dumped as they are, the agent in and out, no request lost, the leak named.

A second or two of each; `make bench BENCH=load` has minutes.
"""

import unittest

from tests.system.harness import BUILD, IS_ROOT, SwansongTest, proc_status, wait_until
from tests.system.programs import NotHere
from tests.system.served import closing, served
from tests.system.visits import Visit

# 500 samples of 2 MiB: shares are right within a few points.
SAMPLE = "4K"
OPTIONS = ("--only", "heap,process,recorder", "--no-lines")


class UnderLoad(SwansongTest):
    def visit(self, name, named=0.5, allocator="glibc"):
        try:
            with served(name, BUILD) as server:
                self.look(server, named, allocator)
                if server.parent:
                    self.look(server.parent, named, allocator)
                    self.look_at_a_child(server)
                sent, answered, failed, error = server.end()
        except NotHere as what:
            self.skipTest(f"{what} is not here")
        self.assertEqual((failed, error), (0, ""), f"of {sent} requests")
        self.assertEqual(answered, sent)
        self.assertGreater(sent, 100)

    def look(self, server, named, allocator):
        with Visit(server, *OPTIONS, sample=SAMPLE) as visit:
            self.assert_agrees(visit, allocator)
            visit.round()
            if server.leaks:
                share, report = visit.leak(mib=2)
                self.assertGreater(share, named, report["heap"]["places"][:5])
            visit.check()

    def assert_agrees(self, visit, allocator):
        """What is counted from outside, with what the allocator says of itself, once nothing moves: servers tidy up on their own."""
        def agrees():
            report = visit.asked()
            malloc = report["malloc"]
            self.assertEqual(malloc["allocator"], allocator)
            self.assertGreater(malloc["in_use"], 50 << 10)
            # glibc takes blocks in threads' caches for blocks in use.  To answer takes a few blocks.
            cached = report["census"]["cached"] if report["census"] else 0
            return abs(malloc["in_use"] + cached - malloc["own"]["in_use"]) <= max(malloc["in_use"] / 1000, 64 << 10)
        with visit.server.quiet():
            wait_until("the census and the allocator agree", agrees, 60)

    def look_at_a_child(self, server):
        """A process that was forked when the agent was in its parent has a recorder of its own."""
        with Visit(server.parent, *OPTIONS, sample=SAMPLE) as parent:
            parent.attach()
            with closing(server.another()) as child, Visit(child, *OPTIONS, recorders=parent.recorders) as visit:
                share, report = visit.leak(mib=2)
                # A new one fills its caches first.
                self.assertGreater(share, 0.25, report["heap"]["places"][:5])
                visit.check()
                self.assertEqual(child.end()[2:], (0, ""))
            parent.detach()

    def test_redis(self):
        self.visit("redis", allocator="jemalloc")

    def test_redis_with_the_c_librarys_malloc(self):
        self.visit("redis, libc's malloc")

    @unittest.skipUnless(IS_ROOT, "needs root, who can become the server's user")
    def test_postgresql_a_backend_and_the_server_that_forks_more_of_them(self):
        self.visit("PostgreSQL's backend")

    def test_nginx(self):
        self.visit("nginx's worker")

    def test_python(self):
        self.visit("python3")

    def test_node(self):
        self.visit("node")

    def test_a_cxx_server(self):
        self.visit("C++", named=0.4)

    def test_the_census_of_a_cxx_server_names_the_class_that_dominates(self):
        with served("C++", BUILD) as server, Visit(server, "--only", "heap,stacks,process", "--no-lines") as visit:
            wait_until("it has grown", lambda: int(proc_status(server.pid)["RssAnon"].split()[0]) > 4096, 60)
            types = visit.dump()["heap"]["types"]
            self.assertEqual(types[0]["name"], "ledger::Entry", types[:3])


if __name__ == "__main__":
    unittest.main()
