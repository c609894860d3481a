package peer

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"iter"
	"net/netip"
	"os"
	"slices"
	"strings"
)

// socket is what the kernel says of one.
type socket struct {
	uid   string
	inode string // 0 if no process has it any more
}

// clientEnds yields what the kernel has for the client's end of a connection, of which a process may have let go. A socket
// that can do IPv6, such as every one of Java, is in the second table, with its IPv4 addresses mapped.
func clientEnds(client, server netip.AddrPort) iter.Seq[socket] {
	return func(yield func(socket) bool) {
		for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
			if !socketsIn(table, tableAddress(client, table), tableAddress(server, table), yield) {
				return
			}
		}
	}
}

// socketsIn reads a table of sockets, proc_pid_net(5): the fields of a line are its number, the addresses of this end and
// the other, the state, two pairs of queues and timers, retransmissions, the user, a timeout and the inode. It returns false
// when yield does.
func socketsIn(table, local, remote string, yield func(socket) bool) bool {
	file, err := os.Open(table)
	if err != nil {
		return true
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if !strings.Contains(lines.Text(), local) {
			continue
		}
		fields := strings.Fields(lines.Text())
		if len(fields) > 9 && fields[1] == local && fields[2] == remote && !yield(socket{uid: fields[7], inode: fields[9]}) {
			return false
		}
	}
	return true
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
