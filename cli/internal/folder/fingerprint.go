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
// hash of each one's path, size and time. It holds for this process only.
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
// An idle scheduler does little else, so it is spared what it need not do: sorting, and
// making text of numbers.
func fingerprint(dir string) (folderMark, error) {
	var m folderMark
	if err := m.add(dir, nil); err != nil {
		return none, fmt.Errorf("check the DAGs folder: %w", command.WithoutOp(err))
	}
	return m, nil
}

func (m *folderMark) add(dir string, buffer []byte) error {
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
		m.files++
		m.sum += maphash.Bytes(markSeed, buffer)
	}
	return nil
}
