// SPDX-License-Identifier: MIT
#ifndef SCRIPT_CHILD_H
#define SCRIPT_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

// Child processes that run scripts; private to src/script. In the child, nothing but the script
// runs and the way out is _exit: buffers and locks belong to the parent.

typedef enum { CHILD_OK, CHILD_LATE, CHILD_GONE } ChildRead;

pid_t child_fork(int close_fd); // closes the parent's end in the child
bool child_write(int fd, const void *data, size_t n);
ChildRead child_read(int fd, void *data, size_t n, double deadline); // script_now() seconds
void child_end(pid_t pid);

#endif
