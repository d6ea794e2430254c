// SPDX-License-Identifier: MIT
// inlines - C++ as it is written: templates, namespaces, lambdas, inlined functions, virtual calls, overloads.
//
// Three threads wait, each at the end of another kind of call chain.  Prints "ready"; stays until it is killed.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace
{
std::atomic<int> waiting;
std::atomic<bool> leave; // never set: the calls must look as if they could return

[[gnu::noinline]] void wait_here()
{
        waiting++;
        while (!leave)
                pause();
}

// Inlined into its callers, with a frame of its own in the debug information.
inline int innermost(int n)
{
        wait_here();
        return n + waiting;
}

inline int middle(int n)
{
        return innermost(n + 1) * 2;
}
} // namespace

namespace shop
{
template <typename Key, typename Value> class Index
{
        std::map<Key, Value> entries;

    public:
        [[gnu::noinline]] int find(const Key &key, int depth)
        {
                if (depth > 0)
                        return find(key, depth - 1) + 1;
                entries[key];
                return middle(static_cast<int>(entries.size()));
        }
};

struct Visitor {
        virtual ~Visitor() = default;
        virtual int visit(const std::string &name) = 0;
        int operator()(const std::string &name)
        {
                return visit(name) + 1;
        }
};

struct Waiter final : Visitor {
        [[gnu::noinline]] int visit(const std::string &name) override
        {
                return middle(static_cast<int>(name.size()));
        }
};

[[gnu::noinline]] int total(int n)
{
        return middle(n);
}

[[gnu::noinline]] int total(const std::vector<int> &v)
{
        int sum = 0;

        std::for_each(v.begin(), v.end(), [&sum](int n) { sum += total(n); });
        return sum;
}
} // namespace shop

int main()
{
        std::thread templates([] { return shop::Index<std::string, int>().find("key", 3); });
        std::thread virtuals([] {
                std::unique_ptr<shop::Visitor> v(new shop::Waiter);
                std::function<int(const std::string &)> f = std::ref(*v);
                return f("name");
        });
        std::thread lambdas([] { return shop::total(std::vector<int>{1, 2, 3}); });

        while (waiting < 3)
                usleep(1000);
        puts("ready");
        fflush(stdout);
        templates.join();
        virtuals.join();
        lambdas.join();
}
