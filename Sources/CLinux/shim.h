#ifndef CLINUX_SHIM_H
#define CLINUX_SHIM_H

/* What Swift's module Glibc does not have. */
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#endif
