//go:build amd64 || arm64

package sandbox

import (
	"errors"
	"fmt"
	"os"
	"strings"

	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"

	"authsome"
)

// checkKernel asks for what can be asked for without trying it.
func checkKernel() error {
	for _, f := range []Feature{landlockFeature(), seccompFeature()} {
		if !f.OK {
			return unsupported(f.Detail, f.Hint)
		}
	}
	return nil
}

// Examine finds out what this machine can do: it makes the namespaces, and gives them back.
func Examine() []Feature {
	return []Feature{namespaceFeature(), landlockFeature(), seccompFeature()}
}

func landlockFeature() Feature {
	const name = "landlock"
	version, err := ll.LandlockGetABIVersion()
	switch {
	case errors.Is(err, unix.EOPNOTSUPP):
		return Feature{name, false, "Landlock is not enabled in this kernel", "start the kernel with lsm=landlock,… (see /sys/kernel/security/lsm)"}
	case err != nil:
		return Feature{name, false, fmt.Sprintf("the kernel has no Landlock (%v)", err), "Linux 6.2 or later has what is needed"}
	case version < minLandlock:
		detail := fmt.Sprintf("the kernel's Landlock has version %d of its interface, and %d is needed", version, minLandlock)
		return Feature{name, false, detail, "Linux 6.2 or later has it"}
	}
	return Feature{name, true, fmt.Sprintf("version %d of the interface", version) + lacking(version), ""}
}

// lacking says what a version of Landlock does not hold back, and nothing else does.
func lacking(version int) string {
	var what []string
	if version < signalLandlock {
		what = append(what, "signals to the processes of the same pipeline")
	}
	if version < unixLandlock {
		what = append(what, "connecting to a Unix socket that is made in a writable directory after the start")
	}
	if len(what) == 0 {
		return ""
	}
	return ", which does not hold back " + strings.Join(what, ", and ")
}

func seccompFeature() Feature {
	const name = "seccomp"
	if _, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_GET_ACTION_AVAIL, 0, 0); errno == unix.ENOSYS {
		return Feature{name, false, "the kernel has no seccomp filters", "a kernel with CONFIG_SECCOMP_FILTER is needed"}
	}
	return Feature{name, true, "filters are supported", ""}
}

func namespaceFeature() Feature {
	const name = "userns"
	b, err := tryNamespaces()
	if err != nil {
		e := authsome.AsError(err)
		return Feature{name, false, strings.TrimPrefix(e.Message, unavailable), e.Hint}
	}
	_ = b.Close()
	return Feature{name, true, "an ordinary user may make them", ""}
}

// tryNamespaces makes a box and enters it as if nothing in it mattered.
func tryNamespaces() (*Box, error) {
	b, err := start(Config{})
	if err != nil {
		return nil, err
	}
	// /dev is always another one inside, so that the home is made there and not on this machine.
	if err := b.Enter(View{Dir: "/", Home: "/dev/authsome"}); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// noNamespaces explains why the first process could not be started or has failed.
func noNamespaces(err error) error {
	return unsupported("no namespaces can be made here: "+err.Error(), hintFor(err))
}

// hintFor looks for the setting that forbids it.
func hintFor(err error) string {
	settings := []struct{ file, bad, hint string }{
		{"/proc/sys/kernel/unprivileged_userns_clone", "0", "sudo sysctl kernel.unprivileged_userns_clone=1"},
		{"/proc/sys/user/max_user_namespaces", "0", "sudo sysctl user.max_user_namespaces=10000"},
		{
			"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1",
			"sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile for authsome that allows userns",
		},
	}
	for _, s := range settings {
		if value, readErr := os.ReadFile(s.file); readErr == nil && strings.TrimSpace(string(value)) == s.bad {
			return s.hint
		}
	}
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.EINVAL) {
		return "in a container, it must be allowed to make user namespaces and to mount /proc; or run without --sandbox"
	}
	return "run without --sandbox, if that is good enough"
}
