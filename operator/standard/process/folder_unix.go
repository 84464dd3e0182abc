//go:build unix

package process

import (
	"io/fs"
	"syscall"
)

// fileNumbers are those of the device and of the file on it.
func fileNumbers(info fs.FileInfo) (device, file uint64) {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(s.Dev), uint64(s.Ino) //nolint:unconvert // their types are not the same everywhere
	}
	return 0, 0
}
