// SPDX-License-Identifier: MIT

// goroutines - a Go program whose threads are where Go's threads are: in the scheduler, in a system call, in C's
// place of a signal handler, and one that computes.  Prints "ready"; stays until it is killed.
package main

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"
)

//go:noinline
func blockInRead(depth int, fd int) int {
	if depth > 0 {
		return blockInRead(depth-1, fd) + 1
	}
	buffer := make([]byte, 1)
	n, _ := syscall.Read(fd, buffer) // nobody ever writes
	return n
}

func main() {
	for i := 0; i < 3; i++ {
		pipe := make([]int, 2)
		if err := syscall.Pipe(pipe); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		go func() {
			runtime.LockOSThread()
			blockInRead(5, pipe[0])
		}()
	}
	time.Sleep(200 * time.Millisecond)
	fmt.Println("ready")
	never := make(chan int)
	go func() { time.Sleep(1000 * time.Hour); never <- 1 }()
	<-never
}
