//go:build !unix

package http1

// canReadNow is false where a read cannot be made that does not wait.
const canReadNow = false

func readNow(uintptr, []byte) (int, error) { return 0, errNotYet }

func writeNow(uintptr, []byte) (int, error) { return 0, errNotYet }

// mostAtOnce is never asked for.
const mostAtOnce = 0
