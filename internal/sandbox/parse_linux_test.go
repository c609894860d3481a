//go:build amd64 || arm64

package sandbox

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

const someMounts = `21 1 254:0 / / rw,relatime - ext4 /dev/vda rw
22 21 0:5 / /proc rw - proc proc rw
30 21 8:1 / /home rw - ext4 /dev/sdb rw
31 21 8:1 /ann /mnt/ann\040s rw - ext4 /dev/sdb rw
32 21 8:1 /ann/.authsome/run /mnt/part rw - ext4 /dev/sdb rw
33 30 9:1 / /home/ann/.authsome/more rw - ext4 /dev/sdc rw
34 21 9:1 / /srv rw - ext4 /dev/sdc rw
35 21 8:1 /bob /mnt/bob rw - ext4 /dev/sdb rw
`

func TestAliases(t *testing.T) {
	tests := []struct {
		path string
		want []string
	}{
		{"/home/ann/.authsome", []string{"/mnt/ann s/.authsome", "/mnt/part", "/srv"}},
		{"/home/ann/.authsome/run/x", []string{"/mnt/ann s/.authsome/run/x", "/mnt/part/x"}},
		{"/home/bob", []string{"/mnt/bob"}},
		{"/mnt/bob/.authsome", []string{"/home/bob/.authsome"}},
		{"/etc", nil},
	}
	for _, tt := range tests {
		got := aliases(parseMounts(someMounts), tt.path)
		slices.Sort(got)
		if got = slices.Compact(got); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.path, got, tt.want)
		}
	}
}

func FuzzMounts(f *testing.F) {
	f.Add(someMounts, "/home/ann/.authsome")
	f.Fuzz(func(t *testing.T, table, path string) {
		for _, m := range parseMounts(table) {
			if strings.Contains(m.point, `\040`) {
				t.Errorf("%q", m.point)
			}
		}
		aliases(parseMounts(table), resolved("/"+path))
	})
}

func TestSocketNames(t *testing.T) {
	const table = "Num       RefCount Protocol Flags    Type St Inode Path\n" +
		"0000000000000000: 00000002 00000000 00010000 0001 01 12345 /run/user/1000/bus\n" +
		"0000000000000000: 00000003 00000000 00000000 0001 03 12346\n" +
		"0000000000000000: 00000002 00000000 00010000 0001 01   347 @abstract\n" +
		"0000000000000000: 00000002 00000000 00010000 0001 01    12 /home/ann/a b/s  ock \n" +
		"0000000000000000: 00000002 00000000 00010000 0001 01 12347 relative\n"
	want := []string{"/home/ann/a b/s  ock ", "/run/user/1000/bus", "relative"}
	if got := socketNames([]byte(table)); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func FuzzSocketNames(f *testing.F) {
	f.Add([]byte("0000000000000000: 00000002 00000000 00010000 0001 01 12345 /run/user/1000/bus\n"))
	f.Fuzz(func(t *testing.T, table []byte) {
		for _, name := range socketNames(table) {
			if name == "" || name[0] == '@' || strings.Contains(name, "\n") {
				t.Errorf("%q", name)
			}
		}
	})
}

// call runs the filter on one system call.
func call(t *testing.T, of uint32, number uint32, arguments ...uint64) uint32 {
	t.Helper()
	vm, err := bpf.NewVM(filter(machine))
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, 64)
	// The virtual machine reads big-endian, so every half word is written so, at the place where the kernel has it.
	put := func(at int, v uint32) {
		data[at], data[at+1], data[at+2], data[at+3] = byte(v>>24), byte(v>>16), byte(v>>8), byte(v)
	}
	put(0, number)
	put(4, of)
	for i, a := range arguments {
		put(16+8*i, uint32(a))
		put(20+8*i, uint32(a>>32))
	}
	result, err := vm.Run(data)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(result)
}

func TestFilter(t *testing.T) {
	denied := func(e uint32) uint32 { return unix.SECCOMP_RET_ERRNO | e }
	tests := []struct {
		name      string
		of        uint32
		number    uint32
		arguments []uint64
		want      uint32
	}{
		{"read", machine, unix.SYS_READ, nil, unix.SECCOMP_RET_ALLOW},
		{"another machine", 0x40000003, unix.SYS_READ, nil, denied(uint32(unix.ENOSYS))},
		{"x32", machine, 1<<30 | unix.SYS_READ, nil, denied(uint32(unix.ENOSYS))},
		{"ptrace", machine, unix.SYS_PTRACE, nil, denied(uint32(unix.EPERM))},
		{"keyctl", machine, unix.SYS_KEYCTL, nil, denied(uint32(unix.EPERM))},
		{"io_uring", machine, unix.SYS_IO_URING_SETUP, nil, denied(uint32(unix.ENOSYS))},
		{"clone3", machine, unix.SYS_CLONE3, nil, denied(uint32(unix.ENOSYS))},
		{"fork", machine, unix.SYS_CLONE, []uint64{uint64(unix.SIGCHLD)}, unix.SECCOMP_RET_ALLOW},
		{"thread", machine, unix.SYS_CLONE, []uint64{unix.CLONE_VM | unix.CLONE_THREAD | unix.CLONE_SIGHAND}, unix.SECCOMP_RET_ALLOW},
		{"user namespace", machine, unix.SYS_CLONE, []uint64{unix.CLONE_NEWUSER}, denied(uint32(unix.EPERM))},
		{"unshare", machine, unix.SYS_UNSHARE, []uint64{unix.CLONE_NEWNET | unix.CLONE_FILES}, denied(uint32(unix.EPERM))},
		{"unshare files", machine, unix.SYS_UNSHARE, []uint64{unix.CLONE_FILES}, unix.SECCOMP_RET_ALLOW},
		{"window size", machine, unix.SYS_IOCTL, []uint64{0, unix.TIOCGWINSZ}, unix.SECCOMP_RET_ALLOW},
		{"TIOCSTI", machine, unix.SYS_IOCTL, []uint64{0, unix.TIOCSTI}, denied(uint32(unix.EPERM))},
		{"TIOCSTI in disguise", machine, unix.SYS_IOCTL, []uint64{0, 1<<33 | unix.TIOCSTI}, denied(uint32(unix.EPERM))},
		{"TIOCLINUX", machine, unix.SYS_IOCTL, []uint64{0, unix.TIOCLINUX}, denied(uint32(unix.EPERM))},
		{"TIOCSETD", machine, unix.SYS_IOCTL, []uint64{0, unix.TIOCSETD}, denied(uint32(unix.EPERM))},
		{"TCP", machine, unix.SYS_SOCKET, []uint64{unix.AF_INET, unix.SOCK_STREAM, 0}, unix.SECCOMP_RET_ALLOW},
		{"Unix pair", machine, unix.SYS_SOCKETPAIR, []uint64{unix.AF_UNIX, unix.SOCK_STREAM, 0}, unix.SECCOMP_RET_ALLOW},
		{"routing", machine, unix.SYS_SOCKET, []uint64{unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE}, unix.SECCOMP_RET_ALLOW},
		{"audit", machine, unix.SYS_SOCKET, []uint64{unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_AUDIT}, denied(uint32(unix.EPROTONOSUPPORT))},
		{"vsock", machine, unix.SYS_SOCKET, []uint64{unix.AF_VSOCK, unix.SOCK_STREAM, 0}, denied(uint32(unix.EAFNOSUPPORT))},
		{"chmod", machine, unix.SYS_FCHMODAT, []uint64{0, 0, 0o1777}, unix.SECCOMP_RET_ALLOW},
		{"set-user-ID", machine, unix.SYS_FCHMODAT, []uint64{0, 0, 0o4755}, denied(uint32(unix.EPERM))},
		{"set-group-ID", machine, unix.SYS_FCHMOD, []uint64{0, 0o2755}, denied(uint32(unix.EPERM))},
		{"set-user-ID in disguise", machine, unix.SYS_FCHMODAT2, []uint64{0, 0, 1<<40 | 1<<16 | 0o4755}, denied(uint32(unix.EPERM))},
		{"open what there is", machine, unix.SYS_OPENAT, []uint64{0, 0, unix.O_RDWR | unix.O_DIRECTORY, 0o7777}, unix.SECCOMP_RET_ALLOW},
		{"make a file", machine, unix.SYS_OPENAT, []uint64{0, 0, unix.O_CREAT, 0o644}, unix.SECCOMP_RET_ALLOW},
		{"make a set-user-ID one", machine, unix.SYS_OPENAT, []uint64{0, 0, unix.O_CREAT, 0o4755}, denied(uint32(unix.EPERM))},
		{"make one without a name", machine, unix.SYS_OPENAT, []uint64{0, 0, unix.O_TMPFILE, 0o2755}, denied(uint32(unix.EPERM))},
		{"openat2", machine, unix.SYS_OPENAT2, nil, denied(uint32(unix.ENOSYS))},
		{"bluetooth", machine, unix.SYS_SOCKET, []uint64{unix.AF_BLUETOOTH, unix.SOCK_RAW, 0}, denied(uint32(unix.EAFNOSUPPORT))},
	}
	for _, tt := range tests {
		if got := call(t, tt.of, tt.number, tt.arguments...); got != tt.want {
			t.Errorf("%s: %x, want %x", tt.name, got, tt.want)
		}
	}
}

func TestLacking(t *testing.T) {
	for version, want := range map[int]int{3: 2, 5: 2, 6: 1, 8: 1, 9: 0} {
		got := lacking(version)
		if n := strings.Count(got, "signals") + strings.Count(got, "Unix socket"); n != want {
			t.Errorf("%d: %q", version, got)
		}
	}
}
