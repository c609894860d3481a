//go:build unix

package agent

import (
	"errors"

	"golang.org/x/sys/unix"
)

func lockedPages(size int) ([]byte, error) {
	page := unix.Getpagesize()
	size = (size + page - 1) / page * page
	pages, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, err
	}
	err = unix.Mlock(pages)
	if err == nil {
		err = advise(pages)
	}
	if err != nil {
		return nil, errors.Join(err, unix.Munmap(pages))
	}
	return pages, nil
}

func releasePages(pages []byte) error { return unix.Munmap(pages) }
