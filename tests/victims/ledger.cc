/* SPDX-License-Identifier: MIT */
/* ledger - a server that answers every request and forgets to forget: ledger SOCKET
 *
 * "keep N" puts an entry into a std::map, a std::unordered_map and a std::vector, from which nothing is ever taken; "ask N" only makes
 * garbage.  Both are answered by "ok N".  A thread for each connection.  "word" is answered by mallinfo2's figures: arena uordblks
 * fordblks hblkhd.
 */
#include <malloc.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace ledger {

class Entry {
public:
        explicit Entry(long number) : number_(number)
        {
        }
        virtual ~Entry() = default;
        virtual long number() const
        {
                return number_;
        }

private:
        long number_;
        char text_[1000] = "an entry";
};

class Book {
public:
        __attribute__((noinline)) void remember_by_name(long number)
        {
                by_name_.emplace(std::to_string(number) + " is the number of this entry", number);
        }
        __attribute__((noinline)) void remember_by_number(long number)
        {
                by_number_[static_cast<long>(by_number_.size())] = std::string(200, static_cast<char>('a' + number % 26));
        }
        __attribute__((noinline)) void remember_entry(long number)
        {
                entries_.push_back(std::make_unique<Entry>(number));
        }
        void keep(long number)
        {
                std::lock_guard<std::mutex> lock(mutex_);
                remember_by_name(number);
                remember_by_number(number);
                remember_entry(number);
        }

private:
        std::mutex mutex_;
        std::multimap<std::string, long> by_name_;
        std::unordered_map<long, std::string> by_number_;
        std::vector<std::unique_ptr<Entry>> entries_;
};

static Book book;

static std::string answer(const std::string &request)
{
        long number = 0;

        if (request == "word") {
                struct mallinfo2 m = mallinfo2();

                return std::to_string(m.arena) + " " + std::to_string(m.uordblks) + " " + std::to_string(m.fordblks) + " " +
                       std::to_string(m.hblkhd);
        }
        if (sscanf(request.c_str(), "%*s %ld", &number) != 1)
                return "what?";
        if (request.compare(0, 5, "keep ") == 0)
                book.keep(number);
        return "ok " + std::to_string(number);
}

static void serve(int connection)
{
        FILE *in = fdopen(connection, "r+");
        char line[256];

        while (in && fgets(line, sizeof(line), in)) {
                line[strcspn(line, "\n")] = 0;
                std::string text = answer(line) + "\n";
                if (send(connection, text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size()))
                        break;
        }
        if (in)
                fclose(in);
}

} // namespace ledger

int main(int argc, char **argv)
{
        struct sockaddr_un address = {AF_UNIX, ""};
        int listener = socket(AF_UNIX, SOCK_STREAM, 0), connection;

        if (argc < 2 || strlen(argv[1]) >= sizeof(address.sun_path))
                return 2;
        strcpy(address.sun_path, argv[1]);
        if (bind(listener, reinterpret_cast<struct sockaddr *>(&address), sizeof(address)) < 0 || listen(listener, 64) < 0)
                return 1;
        while ((connection = accept(listener, nullptr, nullptr)) >= 0)
                std::thread(ledger::serve, connection).detach();
}
