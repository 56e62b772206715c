/* Stands in for software whose image is not at hand: answers probes, and nothing else.
 *
 *   stand-in [--name=NAME] [--ports=PORT,PORT…] [ARGUMENT…]
 *
 * Every GET and HEAD on every port is answered with 200; what follows the ports is what the real software would have
 * been given, and is ignored. Without ports it only waits and reaps orphans: the pause container, and a namespace's
 * process 1. One process, one thread: a client that is slow or talks nonsense holds a slot of the table until its
 * deadline, or until a newer one needs the slot.
 */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PORTS = 16, CLIENTS = 128, HEAD = 8192, SECONDS = 10 };

struct client {
    time_t deadline;
    size_t length;
    int answered;
    char head[HEAD + 1];
};

static struct pollfd sockets[PORTS + CLIENTS];
static struct client clients[CLIENTS];
static int ports;
static const char *name = "nothing";

static void leave(int signal) {
    (void)signal;
    _exit(0);
}

static time_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec;
}

static void listen_on(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 64) < 0) {
        fprintf(stderr, "stand-in for %s: port %d: %m\n", name, port);
        exit(1);
    }
    sockets[ports++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

static void drop(int slot) {
    close(sockets[PORTS + slot].fd);
    sockets[PORTS + slot].fd = -1;
}

/* a free slot, else that of the client which has been here longest */
static int make_room(void) {
    int oldest = 0;
    for (int slot = 0; slot < CLIENTS; slot++) {
        if (sockets[PORTS + slot].fd < 0) return slot;
        if (clients[slot].deadline < clients[oldest].deadline) oldest = slot;
    }
    drop(oldest);
    return oldest;
}

static void welcome(int listener) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    int slot = make_room();
    clients[slot].deadline = now() + SECONDS;
    clients[slot].length = 0;
    clients[slot].answered = 0;
    sockets[PORTS + slot] = (struct pollfd){.fd = fd, .events = POLLIN};
}

static void answer(int slot, const char *status) {
    char body[256], text[512];
    int size = snprintf(body, sizeof body, "stand-in for %.150s: answers probes only\n", name);
    int length = snprintf(text, sizeof text,
                          "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n"
                          "Connection: close\r\n\r\n%s",
                          status, size, strncmp(clients[slot].head, "HEAD ", 5) ? body : "");
    /* a new connection's buffer takes this much at once; what goes wrong here is the client's loss */
    (void)!send(sockets[PORTS + slot].fd, text, length, MSG_NOSIGNAL);
    shutdown(sockets[PORTS + slot].fd, SHUT_WR);
    clients[slot].answered = 1;
}

static void hear(int slot) {
    struct client *client = &clients[slot];
    char rest[HEAD];
    int fd = sockets[PORTS + slot].fd;
    ssize_t got = client->answered ? read(fd, rest, sizeof rest)
                                   : read(fd, client->head + client->length, HEAD - client->length);
    if (got <= 0) {
        drop(slot);
        return;
    }
    if (client->answered) return;
    client->length += got;
    client->head[client->length] = 0;
    if (memmem(client->head, client->length, "\r\n\r\n", 4)) {
        int reads = !strncmp(client->head, "GET ", 4) || !strncmp(client->head, "HEAD ", 5);
        answer(slot, reads ? "200 OK" : "405 Method Not Allowed");
    } else if (client->length == HEAD) {
        answer(slot, "431 Request Header Fields Too Large");
    }
}

int main(int count, char **arguments) {
    const char *wanted = "";
    for (int at = 1; at < count && at < 3; at++) {
        if (!strncmp(arguments[at], "--name=", 7)) name = arguments[at] + 7;
        else if (!strncmp(arguments[at], "--ports=", 8)) wanted = arguments[at] + 8;
        else break;
    }
    signal(SIGTERM, leave);
    signal(SIGINT, leave);
    signal(SIGCHLD, SIG_IGN);
    for (int at = 0; at < PORTS + CLIENTS; at++) sockets[at].fd = -1;
    for (const char *at = wanted; *at && ports < PORTS; at += strcspn(at, ","), at += *at == ',') listen_on(atoi(at));
    printf("stand-in for %s: answers probes only%s%s\n", name, *wanted ? ", on " : "", wanted);
    fflush(stdout);
    if (!ports)
        for (;;) pause();

    for (;;) {
        poll(sockets, PORTS + CLIENTS, 1000);
        for (int slot = 0; slot < CLIENTS; slot++) {
            struct pollfd *socket = &sockets[PORTS + slot];
            if (socket->fd >= 0 && socket->revents) hear(slot);
            if (socket->fd >= 0 && clients[slot].deadline < now()) drop(slot);
        }
        for (int at = 0; at < ports; at++)
            if (sockets[at].revents) welcome(sockets[at].fd);
    }
}
