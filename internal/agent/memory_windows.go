package agent

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

func lockedPages(size int) ([]byte, error) {
	at, err := windows.VirtualAlloc(0, uintptr(size), windows.MEM_COMMIT|windows.MEM_RESERVE, windows.PAGE_READWRITE)
	if err != nil {
		return nil, err
	}
	if err := windows.VirtualLock(at, uintptr(size)); err != nil {
		_ = windows.VirtualFree(at, 0, windows.MEM_RELEASE)
		return nil, err
	}
	// The address is not the garbage collector's; the detour through a pointer to it says so to vet.
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&at)), size), nil
}

func releasePages(pages []byte) error {
	return windows.VirtualFree(uintptr(unsafe.Pointer(unsafe.SliceData(pages))), 0, windows.MEM_RELEASE)
}
