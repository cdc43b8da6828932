/* The clock of a process, moved by as many seconds as the file CLOCK says:
   cc -shared -fPIC -o clock.so clock.c; CLOCK=seconds.txt LD_PRELOAD=./clock.so isobase serve */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time) {
    long failed = syscall(SYS_clock_gettime, clock, time);
    const char *name = getenv("CLOCK");
    int file = clock == CLOCK_REALTIME && name ? open(name, O_RDONLY) : -1;
    if (file >= 0) {
        char text[32] = {0};
        if (read(file, text, sizeof text - 1) > 0) time->tv_sec += atol(text);
        close(file);
    }
    return (int)failed;
}
