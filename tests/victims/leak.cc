/* SPDX-License-Identifier: MIT */
/* leak - a small service that forgets to forget: leak [MIB_PER_SECOND [WORKERS]]
 *
 * A front end takes requests; workers answer them and keep what they should have dropped, at a given speed.
 */
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

namespace shop {

struct Session {
        std::string user;
        std::vector<char> basket;
};

class SessionCache {
public:
        /* Sessions are remembered by a key that never comes again. */
        __attribute__((noinline)) void remember(unsigned long request, size_t bytes)
        {
                Session s{"user" + std::to_string(request), std::vector<char>(bytes)};
                memset(s.basket.data(), 'b', s.basket.size());
                std::lock_guard<std::mutex> lock(mutex_);
                sessions_.emplace(request, std::move(s));
        }

private:
        std::mutex mutex_;
        std::map<unsigned long, Session> sessions_;
};

class Service {
public:
        explicit Service(double mib_per_s) : mib_per_s_(mib_per_s)
        {
        }

        __attribute__((noinline)) void serve()
        {
                const size_t bytes = 64 * 1024;
                const auto pause = std::chrono::duration<double>(bytes / (mib_per_s_ * 1024 * 1024));
                auto next = std::chrono::steady_clock::now();

                for (unsigned long request = 0;; request++) {
                        cache_.remember(request, bytes);
                        next += std::chrono::duration_cast<std::chrono::steady_clock::duration>(pause);
                        std::this_thread::sleep_until(next);
                }
        }

        __attribute__((noinline)) void wait_for_work()
        {
                std::unique_lock<std::mutex> lock(mutex_);
                work_.wait(lock, [this] { return stopping_; });
        }

private:
        double mib_per_s_;
        SessionCache cache_;
        std::mutex mutex_;
        std::condition_variable work_;
        bool stopping_ = false;
};

} // namespace shop

int main(int argc, char **argv)
{
        double mib_per_s = argc > 1 ? atof(argv[1]) : 50;
        int workers = argc > 2 ? atoi(argv[2]) : 4;
        shop::Service service(mib_per_s > 0 ? mib_per_s : 50);
        std::vector<std::thread> threads;

        for (int i = 0; i < workers; i++)
                threads.emplace_back(&shop::Service::wait_for_work, &service);
        printf("ready %d\n", (int)getpid());
        fflush(stdout);
        service.serve();
}
