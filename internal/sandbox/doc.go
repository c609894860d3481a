// Package sandbox is where "authsome run --sandbox" puts the program that it runs: it, and all that it starts, can reach
// neither the home of authsome nor the broker, and has no network but the proxy. It needs no root, and Linux 6.2.
//
// Use [Start] for a [Box], whose [Box.Listener] the proxy serves, [Box.Enter] to say what is to be seen, and then
// [Box.Exec], [Box.Signal] and [Box.Wait] for the program. A program that calls Start must call [Main] when it is started
// with [Command] as its first argument: the box is set up by the same executable.
//
// # How
//
// Namespaces take away what is not there; Landlock and seccomp say what may be done with the rest. Neither would do alone:
// Landlock only knows what to allow and cannot except one directory from the home of a person, and a mount namespace
// alone does not keep its program from tracing a process of the same user.
//
//   - A user namespace, in which the user keeps the own number. It gives the right to make the others.
//   - A mount namespace: an empty file system lies over the home of authsome, wherever it can be seen, and over the stores
//     of keyrings. /tmp, /run and /dev are new, as sockets of the user's other programs lie there (tmux, D-Bus, systemd,
//     the agents of ssh and gpg, X11, docker), each of which would run a command outside when asked; what is needed of
//     them is put back. Sockets elsewhere are covered one by one. Mounts made outside later do not arrive, nor what
//     is made in the directories where ssh and gpg keep sockets.
//     What is not to be written to is mounted read-only, since Landlock lets modes, owners and times be changed. Every
//     directory on the way to what is protected is mounted on itself, and every symbolic link: it cannot be renamed, and
//     another put in its place.
//   - A process namespace with its own /proc: nobody outside can be named. Its first process is ours; when it ends, the
//     kernel ends all that is left.
//   - A network namespace whose one port is the proxy's. The listening socket is made inside and handed to the broker
//     outside, which accepts on it as on any other: nothing is copied, and a stolen password of the proxy is of no use
//     to anybody who is not inside.
//   - Landlock: writing is for the working directory, the user's home and temporary files; processes outside cannot be
//     traced, nor their memory, environment and files be read, nor signals be sent to them; no mount can be changed.
//   - seccomp: no set-user-ID or set-group-ID files, no namespaces, tracing, keyrings of the kernel, io_uring, BPF, sockets of
//     other families than IP, Unix and routing, and no typing into the user's terminal (TIOCSTI) or changing its line discipline.
//   - No capability, none to be had (no_new_privs, an empty bounding set), also for root.
//
// What a program may write to it can also prepare for the next box, to have it open more: links and files of git that name
// directories are believed only where no program in a box could have made them.
//
// Half of the processes that a user may have are left to the broker, and memory is taken from the box first.
//
// [LookAhead] notes, outside, what would run there later, so that what a program has left for later can be named.
//
// The first process of the box is not restricted itself, but for having lost its reason to exist with its program: it
// starts the program, waits, and passes on what the broker says through a socket that nobody else has.
package sandbox
