// Package filestate tells whether a file has been written since somebody looked.
package filestate

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
)

// Append appends the state of a file to b: its path, size, time and inode on a line. Written is when it was written last. A symbolic link
// stands for the file that it leads to.
func Append(b []byte, path string) (_ []byte, written time.Time, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return b, written, fmt.Errorf("look at the file: %w", err)
	}
	b = append(append(b, path...), ' ')
	b = append(strconv.AppendInt(b, info.Size(), 10), ' ')
	b = append(strconv.AppendInt(b, info.ModTime().UnixNano(), 10), ' ')
	if state, ok := info.Sys().(*syscall.Stat_t); ok {
		b = strconv.AppendUint(b, state.Ino, 10)
	}
	return append(b, '\n'), info.ModTime(), nil
}
