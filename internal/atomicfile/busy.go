package atomicfile

import (
	"os"
	"time"
)

// patience is how long others may keep a file open that is to be replaced, removed or read. Nobody keeps those of the home open
// for longer than it takes to read them.
const patience = 2 * time.Second

// Rename is os.Rename, and ReadFile os.ReadFile, where readers and those who replace a file meet. On Windows they get into each
// other's way: a file that somebody has open can be neither replaced nor removed, and while it is replaced not opened.
func Rename(from, to string) error {
	return retry(func() error { return os.Rename(from, to) }, inUse)
}

// Remove is os.Remove for a file that others may have open; see [Rename].
func Remove(path string) error {
	return retry(func() error { return os.Remove(path) }, inUse)
}

// ReadFile is os.ReadFile for a file that others may be replacing; see [Rename].
func ReadFile(path string) (content []byte, err error) {
	err = retry(func() error {
		content, err = os.ReadFile(path)
		return err
	}, inUse)
	return content, err
}

// Open is os.Open for a file that others may be replacing, or removing another name of; see [Rename].
func Open(path string) (file *os.File, err error) {
	err = retry(func() error {
		file, err = os.Open(path)
		return err
	}, inUse)
	return file, err
}

// retry repeats what fails because of others, with longer and longer pauses, until patience ends. It returns the last error.
func retry(do func() error, busy func(error) bool) error {
	err := do()
	for waited, pause := time.Duration(0), time.Millisecond; err != nil && waited < patience && busy(err); pause = min(2*pause, patience/20) {
		time.Sleep(pause)
		waited += pause
		err = do()
	}
	return err
}
