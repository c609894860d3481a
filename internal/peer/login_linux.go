package peer

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
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

// socketOf returns the inode of the client's end of a connection, if it is this user's. A socket that can do IPv6, such
// as every one of Java, is in the second table, with its IPv4 addresses mapped.
func socketOf(client, proxy netip.AddrPort) (inode string, ok bool) {
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		inode, ok = socketIn(table, tableAddress(client, table), tableAddress(proxy, table), strconv.Itoa(os.Getuid()))
		if ok {
			return inode, true
		}
	}
	return "", false
}

// socketIn reads a table of sockets, proc_pid_net(5): the fields of a line are its number, the addresses of this end and
// the other, the state, two pairs of queues and timers, retransmissions, the user, a timeout and the inode.
func socketIn(table, local, remote, uid string) (inode string, ok bool) {
	file, err := os.Open(table)
	if err != nil {
		return "", false
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if !strings.Contains(lines.Text(), local) {
			continue
		}
		fields := strings.Fields(lines.Text())
		if len(fields) > 9 && fields[1] == local && fields[2] == remote && fields[7] == uid && fields[9] != "0" {
			return fields[9], true
		}
	}
	return "", false
}

// tableAddress writes an address as the tables do: words of 32 bits in this machine's byte order, in hexadecimal.
func tableAddress(address netip.AddrPort, table string) string {
	ip := address.Addr().Unmap()
	raw := ip.AsSlice()
	if strings.HasSuffix(table, "6") {
		long := ip.As16()
		raw = long[:]
	}
	swapped := make([]byte, 0, len(raw))
	for word := range slices.Chunk(raw, 4) {
		swapped = binary.NativeEndian.AppendUint32(swapped, binary.BigEndian.Uint32(word))
	}
	return fmt.Sprintf("%s:%04X", strings.ToUpper(hex.EncodeToString(swapped)), address.Port())
}
