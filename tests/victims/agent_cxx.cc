/* SPDX-License-Identifier: MIT */
/* agent_cxx - operator new and delete in all forms; bad_alloc and the new handler must come through. */
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <vector>

#define CHECK(condition)                                                                                     \
        do {                                                                                                 \
                if (!(condition)) {                                                                          \
                        std::fprintf(stderr, "line %d: %s\n", __LINE__, #condition);                         \
                        std::exit(1);                                                                        \
                }                                                                                            \
        } while (0)

struct alignas(256) Wide {
        char bytes[512];
};

struct Throws {
        char bytes[3000];
        Throws()
        {
                throw 1;
        }
};

static int handled;
static volatile std::size_t huge = PTRDIFF_MAX - 4096;

static void handler()
{
        if (++handled == 3)
                std::set_new_handler(nullptr);
}

void *volatile held[80];

/* Ten blocks of each form of operator new: of 6400 bytes those of the first, of 64 bytes more each further one's. */
static void hold_each_form()
{
        static const std::size_t first[] = {0, 6400,
                                            20 << 20}; /* what the first call asks for: 0 shows nothing */
        const std::nothrow_t &quiet = std::nothrow;
        const auto wide = std::align_val_t(64);
        int k = 0;

        for (std::size_t n : first) {
                ::operator delete(::operator new(n, wide), wide);
                ::operator delete[](::operator new[](n, wide, quiet), wide);
        }
        for (int i = 0; i < 10; i++) {
                held[k++] = ::operator new(6400);
                held[k++] = ::operator new[](6464);
                held[k++] = ::operator new(6528, quiet);
                held[k++] = ::operator new[](6592, quiet);
                held[k++] = ::operator new(6656, wide);
                held[k++] = ::operator new[](6720, wide);
                held[k++] = ::operator new(6784, wide, quiet);
                held[k++] = ::operator new[](6848, wide, quiet);
        }
        std::abort();
}

int main(int argc, char **argv)
{
        if (argc > 1 && std::string(argv[1]) == "forms")
                hold_each_form();

        static std::vector<std::unique_ptr<char[]>> kept;

        for (int i = 0; i < 3000; i++) {
                auto *wide = new Wide;
                auto *many = new Wide[3];
                auto *quiet = new (std::nothrow) Wide;

                CHECK(reinterpret_cast<std::uintptr_t>(wide) % 256 == 0 &&
                      reinterpret_cast<std::uintptr_t>(many) % 256 == 0);
                CHECK(quiet);
                delete wide;
                delete[] many;
                delete quiet;
                std::string s(static_cast<std::size_t>(i), 'x');
                std::vector<std::string> v(10, s);
                CHECK(v[9].size() == static_cast<std::size_t>(i));
                bool caught = false;
                try {
                        delete new Throws;
                } catch (int) {
                        caught = true;
                }
                CHECK(caught);
                delete new (std::nothrow) int;
                if (i % 3 == 0)
                        kept.emplace_back(new char[1000]);
        }
        CHECK(new (std::nothrow) char[huge] == nullptr);
        bool caught = false;
        std::set_new_handler(handler);
        try {
                kept.emplace_back(new char[huge]);
        } catch (const std::bad_alloc &) {
                caught = true;
        }
        CHECK(caught && handled == 3);
        std::puts("ok");
        std::fflush(stdout);
        if (argc > 1)
                std::abort(); /* 1,000 blocks of 1,000 bytes are in the recorder */
        return 0;
}
