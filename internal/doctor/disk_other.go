//go:build !linux && !darwin

package doctor

import "errors"

func statFileSystem(string) (fileSystem, error) { return fileSystem{}, errors.ErrUnsupported }
