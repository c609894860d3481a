package peer

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"

	"authsome"
)

// looking lets one search go on at a time, so that strangers who connect without a password cost one core at most.
var looking sync.Mutex

func proxyLogin(client, proxy netip.AddrPort) (user string, password authsome.Secret, ok bool) {
	looking.Lock()
	defer looking.Unlock()
	inode, ok := socketOf(client, proxy)
	if !ok {
		return "", authsome.Secret{}, false
	}
	for _, process := range processes() {
		// The environment first: it can be read of this user's processes only, and few of those are the run's.
		environ, err := os.ReadFile(filepath.Join(process, "environ"))
		if err != nil {
			continue
		}
		user, password, ok = loginIn(string(environ), proxy)
		if ok && holds(process, inode) {
			return user, password, true
		}
	}
	return "", authsome.Secret{}, false
}

// processes lists the directories of /proc, the youngest first.
func processes() []string {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var pids []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	slices.Reverse(pids)
	paths := make([]string, len(pids))
	for i, pid := range pids {
		paths[i] = "/proc/" + strconv.Itoa(pid)
	}
	return paths
}

// holds reports whether a process has a socket open.
func holds(process, inode string) bool {
	dir := filepath.Join(process, "fd")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, e := range entries {
		if target, err := os.Readlink(filepath.Join(dir, e.Name())); err == nil && target == "socket:["+inode+"]" {
			return true
		}
	}
	return false
}

// socketOf returns the inode of the client's end of a connection, if it is this user's.
func socketOf(client, proxy netip.AddrPort) (inode string, ok bool) {
	uid := strconv.Itoa(os.Getuid())
	for end := range clientEnds(client, proxy) {
		if end.uid == uid && end.inode != "0" {
			return end.inode, true
		}
	}
	return "", false
}
