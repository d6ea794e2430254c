# SPDX-License-Identifier: MIT
"""Real servers that were started without us, under load: dumped as they are, the agent in and out, no request lost, the leak named.

A second or two of each; `make bench BENCH=load` has minutes.
"""

import unittest

from tests.system.harness import BUILD, IS_ROOT, SwansongTest
from tests.system.programs import NotHere
from tests.system.served import served
from tests.system.visits import Visit

OPTIONS = ("--only", "heap,process,recorder", "--no-lines")


class UnderLoad(SwansongTest):
    def visit(self, name, named=0.5, allocator="glibc"):
        try:
            with served(name, BUILD) as server:
                self.look(server, named, allocator)
                if server.parent:
                    self.look(server.parent, named, allocator)
                sent, answered, failed, error = server.end()
        except NotHere as what:
            self.skipTest(f"{what} is not here")
        self.assertEqual((failed, error), (0, ""), f"of {sent} requests")
        self.assertEqual(answered, sent)
        self.assertGreater(sent, 100)

    def look(self, server, named, allocator):
        with Visit(server, *OPTIONS) as visit:
            malloc = visit.dump()["malloc"]
            self.assertEqual(malloc["allocator"], allocator)
            self.assertGreater(malloc["in_use"], 100 << 10)
            visit.round()
            if server.leaks:
                share, report = visit.leak(mib=2)
                self.assertGreater(share, named, report["heap"]["places"][:5])
            visit.check()

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


if __name__ == "__main__":
    unittest.main()
