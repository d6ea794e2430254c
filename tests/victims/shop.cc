// SPDX-License-Identifier: MIT
// shop - a C++ heap of known contents, for the census: shop ORDERS [THREADS [blocked]]
//
// Orders (with a vtable) in a std::map, customers in a vector of pointers, names, and as many free blocks between them.
// "blocked": brk(2) cannot grow, as where another mapping lies behind the heap.  Says "ready" with mallinfo2's figures
// in bytes: arena uordblks fordblks hblkhd, then ORDERS and CUSTOMERS.
#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace shop
{

class Order
{
      public:
        virtual ~Order() = default;
        virtual long total() const
        {
                return amount[0];
        }
        long amount[10] = {};
};

class Customer
{
      public:
        virtual ~Customer() = default;
        virtual const char *name() const
        {
                return text;
        }
        char text[40] = "somebody";
};

} // namespace shop

static pthread_barrier_t allocated;

static void *allocate(void *n)
{
        for (long i = 0; i < reinterpret_cast<long>(n) / 4; i++)
                if (!malloc(static_cast<size_t>(16 + i % 400)))
                        abort();
        pthread_barrier_wait(&allocated);
        pause();
        return nullptr;
}

/* A page in the way, 1 MiB behind the heap. */
static bool block_brk()
{
        char *at = static_cast<char *>(sbrk(0)) + (1 << 20);

        return mmap(at, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == at;
}

int main(int argc, char **argv)
{
        long n = argc > 1 ? atol(argv[1]) : 1000, threads = argc > 2 ? atol(argv[2]) : 0;
        if (argc > 3 && !block_brk())
                return 1;
        std::map<long, std::unique_ptr<shop::Order>> orders;
        std::vector<std::unique_ptr<shop::Customer>> customers;
        std::vector<void *> gaps;

        for (long i = 0; i < n; i++) {
                orders.emplace(i, new shop::Order);
                if (i % 4 == 0)
                        customers.emplace_back(new shop::Customer);
                gaps.push_back(malloc(static_cast<size_t>(1040 + i % 512)));
        }
        for (void *gap : gaps)
                free(gap);
        pthread_barrier_init(&allocated, nullptr, static_cast<unsigned>(threads) + 1);
        for (long i = 0; i < threads; i++) {
                pthread_t thread;
                if (pthread_create(&thread, nullptr, allocate, reinterpret_cast<void *>(n)) != 0)
                        return 1;
        }
        pthread_barrier_wait(&allocated);
        static char out[4096];
        setvbuf(stdout, out, _IOFBF, sizeof(out)); /* it shall not allocate any more */
        struct mallinfo2 m = mallinfo2();
        printf("ready %zu %zu %zu %zu %ld %zu\n", m.arena, m.uordblks, m.fordblks, m.hblkhd, n,
               customers.size());
        fflush(stdout);
        for (;;)
                pause();
}
