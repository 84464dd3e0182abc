package folder

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/dingdag/dingdag/cli/internal/command"
)

// folderMark stands for the files below a folder: how many there are, and the sum of a
// hash of each one's path, size, time and inode. It holds for this process only.
type folderMark struct {
	files int
	sum   uint64
}

// none is the mark of no folder, which no folder has.
var none = folderMark{files: -1}

var markSeed = maphash.MakeSeed()

// fingerprint changes when a file below dir is added, removed or written. A folder
// that does not exist is an empty one.
//
// enter is called for the folder, and each one below it, before it is read.
//
// Where the kernel does not tell of changes an idle scheduler does little else, so it is
// spared what it need not do: sorting, and making text of numbers.
func fingerprint(dir string, enter func(dir string)) (folderMark, error) {
	m := walk{enter: enter}
	if err := m.add(dir, nil); err != nil {
		return none, fmt.Errorf("check the DAGs folder: %w", command.WithoutOp(err))
	}
	return m.folderMark, nil
}

// walk is a fingerprint that is being taken.
type walk struct {
	folderMark
	enter func(dir string)
}

func (m *walk) add(dir string, buffer []byte) error {
	m.enter(dir)
	f, err := os.Open(dir) //nolint:gosec // the DAGs folder
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it went away while we looked, or was never there
	}
	if err != nil {
		return err
	}
	infos, err := f.Readdir(-1) // of names that went away meanwhile it says nothing
	if errors.Is(err, syscall.ENOTDIR) {
		var self fs.FileInfo
		self, err = f.Stat()
		infos = []fs.FileInfo{self}
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	for _, info := range infos {
		if info.IsDir() {
			if err := m.add(filepath.Join(dir, info.Name()), buffer); err != nil {
				return err
			}
			continue
		}
		buffer = append(buffer[:0], dir...)
		buffer = append(buffer, filepath.Separator)
		buffer = append(buffer, info.Name()...)
		buffer = binary.LittleEndian.AppendUint64(buffer, uint64(info.Size())) //nolint:gosec // only compared
		buffer = binary.LittleEndian.AppendUint64(buffer, uint64(info.ModTime().UnixNano()))
		if state, ok := info.Sys().(*syscall.Stat_t); ok {
			buffer = binary.LittleEndian.AppendUint64(buffer, state.Ino)
		}
		m.files++
		m.sum += maphash.Bytes(markSeed, buffer)
	}
	return nil
}
