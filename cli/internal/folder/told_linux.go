package folder

import (
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
