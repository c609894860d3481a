package agent

import "golang.org/x/sys/unix"

// advise keeps pages out of core files and out of the processes that this one starts.
func advise(pages []byte) error {
	if err := unix.Madvise(pages, unix.MADV_DONTDUMP); err != nil {
		return err
	}
	return unix.Madvise(pages, unix.MADV_DONTFORK)
}
