/* SPDX-License-Identifier: MIT */
/* leak - a small service that forgets to forget: leak [MIB_PER_SECOND [WORKERS [PAUSE_MIB]]]
 *
 * A front end takes requests; workers answer them and keep what they should have dropped, at a given speed.  With PAUSE_MIB
 * it goes on only when a line comes on stdin, once it has kept so much: who watches it may come as late as he likes.
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
        Service(double mib_per_s, long pause_mib) : mib_per_s_(mib_per_s), pause_mib_(pause_mib)
        {
        }

        __attribute__((noinline)) void serve()
        {
                const size_t bytes = 64 * 1024;
                const auto pause = std::chrono::duration<double>(bytes / (mib_per_s_ * 1024 * 1024));
                auto next = std::chrono::steady_clock::now();

                for (unsigned long request = 0;; request++) {
                        if (static_cast<long>(request * bytes >> 20) == pause_mib_) {
                                wait_for_line();
                                pause_mib_ = -1;
                                next = std::chrono::steady_clock::now();
                        }
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
        /* Without stdio: it would allocate. */
        static void wait_for_line()
        {
                for (char c = 0; c != '\n' && read(STDIN_FILENO, &c, 1) == 1;)
                        ;
        }

        double mib_per_s_;
        long pause_mib_;
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
        long pause_mib = argc > 3 ? atol(argv[3]) : -1;
        shop::Service service(mib_per_s > 0 ? mib_per_s : 50, pause_mib);
        std::vector<std::thread> threads;

        for (int i = 0; i < workers; i++)
                threads.emplace_back(&shop::Service::wait_for_work, &service);
        printf("ready %d\n", (int)getpid());
        fflush(stdout);
        service.serve();
}
