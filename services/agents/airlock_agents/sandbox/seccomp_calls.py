"""The system calls that a sandbox may make, by what they are for. What is not listed here is refused.

An allow-list of our own: what Python, git, shells, Node.js, Java and Go programs use while they compute on
files in one container, alone. Names that an architecture or a kernel does not know are passed over by the
engine. The second half names what is left out on purpose, so that nobody adds it by accident.
"""

from collections.abc import Mapping

ALLOWED: Mapping[str, str] = {
    "files": """
        access close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2 fadvise64 fallocate
        fcntl fdatasync flock fstat fstatfs fsync ftruncate ioctl lseek lstat newfstatat open openat openat2
        pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readv sendfile splice stat statfs
        statx sync sync_file_range syncfs tee truncate write writev
    """,
    "folders, names and attributes": """
        chdir chmod chown fchdir fchmod fchmodat fchmodat2 fchown fchownat fgetxattr flistxattr fremovexattr
        fsetxattr futimesat getcwd getdents getdents64 getxattr inotify_add_watch inotify_init inotify_init1
        inotify_rm_watch lchown lgetxattr link linkat listxattr llistxattr lremovexattr lsetxattr mkdir
        mkdirat readlink readlinkat removexattr rename renameat renameat2 rmdir setxattr symlink symlinkat
        umask unlink unlinkat utime utimensat utimes
    """,
    "memory": """
        brk madvise map_shadow_stack membarrier mincore mlock mlock2 mlockall mmap mprotect mremap mseal msync
        munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect
    """,
    "processes and threads": """
        arch_prctl execve execveat exit exit_group fork futex futex_requeue futex_wait futex_waitv futex_wake
        get_robust_list getcpu getpgid getpgrp getpid getppid getpriority getrlimit getrusage getsid gettid
        ioprio_get ioprio_set kill pidfd_open pidfd_send_signal prctl prlimit64 restart_syscall rseq
        sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam
        sched_getscheduler sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam
        sched_setscheduler sched_yield set_robust_list set_tid_address setpgid setpriority setrlimit setsid
        tgkill times tkill vfork wait4 waitid
    """,
    "who one is; the kernel refuses what is more, for want of capabilities": """
        capget capset getegid geteuid getgid getgroups getresgid getresuid getuid setfsgid setfsuid setgid
        setgroups setregid setresgid setresuid setreuid setuid
    """,
    "locking oneself in further": """
        landlock_add_rule landlock_create_ruleset landlock_restrict_self seccomp
    """,
    "signals and timers": """
        alarm clock_getres clock_gettime clock_nanosleep getitimer gettimeofday nanosleep pause rt_sigaction
        rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
        rt_tgsigqueueinfo setitimer sigaltstack signalfd signalfd4 time timer_create timer_delete
        timer_getoverrun timer_gettime timer_settime timerfd_create timerfd_gettime timerfd_settime
    """,
    "waiting": """
        epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 pipe pipe2
        poll ppoll pselect6 select
    """,
    "sockets that could be opened; which families, the profile says": """
        accept accept4 bind connect getpeername getsockname getsockopt listen recvfrom recvmmsg recvmsg
        sendmmsg sendmsg sendto setsockopt shutdown
    """,
    "facts": """
        getrandom sysinfo uname
    """,
}
"""Allowed with any arguments."""

REFUSED: Mapping[str, str] = {
    "other namespaces, other roots": """
        chroot fsconfig fsmount fsopen fspick listmount mount mount_setattr move_mount open_tree
        open_tree_attr pivot_root setns statmount umount umount2 unshare
    """,
    "files by handle, past the folders they lie in; watching a whole file system": """
        fanotify_init fanotify_mark name_to_handle_at open_by_handle_at
    """,
    "other processes' memory and descriptors": """
        kcmp pidfd_getfd process_madvise process_mrelease process_vm_readv process_vm_writev ptrace
    """,
    "large and young parts of the kernel, with a long list of holes": """
        bpf io_uring_enter io_uring_register io_uring_setup perf_event_open userfaultfd vmsplice
    """,
    "keyrings: they know no namespaces": """
        add_key keyctl request_key
    """,
    "the machine": """
        acct delete_module finit_module init_module ioperm iopl kexec_file_load kexec_load lookup_dcookie
        nfsservctl quotactl quotactl_fd reboot sethostname setdomainname swapoff swapon syslog sysfs uselib
        ustat vhangup
    """,
    "its clock": """
        adjtimex clock_adjtime clock_settime settimeofday stime
    """,
    "what all sandboxes of a host would share, or what outlives a process": """
        io_cancel io_destroy io_getevents io_pgetevents io_setup io_submit mq_getsetattr mq_notify mq_open
        mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop
        shmat shmctl shmdt shmget
    """,
    "where memory lies; old ways and side channels": """
        cachestat get_mempolicy mbind memfd_secret migrate_pages modify_ldt move_pages remap_file_pages
        set_mempolicy set_mempolicy_home_node
    """,
}
"""Refused, each for the reason that it stands under. For readers and tests: the rest is refused too."""


def names(groups: Mapping[str, str]) -> list[str]:
    """All calls of some groups, sorted."""
    return sorted(name for group in groups.values() for name in group.split())
