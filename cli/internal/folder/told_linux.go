package folder

import (
	"errors"
	"slices"

	"golang.org/x/sys/unix"
)

// local are the file systems that only this kernel writes to.
var local = []int64{
	unix.EXT4_SUPER_MAGIC, // of ext2 and ext3, too
	unix.XFS_SUPER_MAGIC,
	unix.BTRFS_SUPER_MAGIC,
	unix.F2FS_SUPER_MAGIC,
	unix.TMPFS_MAGIC,
}

// tellsAll reports whether the kernel tells of every change in a folder.
func tellsAll(dir string) bool {
	var s unix.Statfs_t
	return unix.Statfs(dir, &s) == nil && slices.Contains(local, int64(s.Type)) //nolint:unconvert // 32 bits on some processors
}

// changes are those that the kernel tells of. It is asked itself, and not by way of fsnotify, whose reports come some time after a change:
// what was written before somebody asks has been told then.
type changes struct{ fd int }

func newChanges() (*changes, error) {
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	return &changes{fd}, err
}

// add asks for the changes in a folder.
func (c *changes) add(dir string) error {
	_, err := unix.InotifyAddWatch(c.fd, dir, unix.IN_MOVED_TO|unix.IN_MOVED_FROM|unix.IN_CREATE|unix.IN_ATTRIB|unix.IN_MODIFY|unix.IN_DELETE|unix.IN_DELETE_SELF|unix.IN_MOVE_SELF)
	return err
}

// none reports whether there has been none so far. That there were too many to tell is one.
func (c *changes) none() bool {
	var event [unix.SizeofInotifyEvent + unix.NAME_MAX + 1]byte
	_, err := unix.Read(c.fd, event[:])
	return errors.Is(err, unix.EAGAIN)
}

// close ends the telling.
func (c *changes) close() { _ = unix.Close(c.fd) } // nothing was written
