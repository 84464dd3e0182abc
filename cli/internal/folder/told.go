package folder

import "os"

// maxTold is how many folders the kernel is asked to watch, of the some thousands that it
// watches for everybody together.
const maxTold = 1000

// told is what the kernel tells of changes below a folder. It tells nothing of file systems
// that others write to as well, such as NFS, nor of some rare ways to change a file.
type told struct {
	changes *changes
	// root is the folder as it was: a link that leads to it may be set anew.
	root    os.FileInfo
	path    string
	folders int
	failed  bool
}

// listen makes the kernel tell of changes below a folder. Each folder is to be entered before
// it is read.
func listen(path string) *told {
	t := &told{path: path}
	var err error
	if t.root, err = os.Stat(path); err != nil {
		t.failed = true
		return t
	}
	if t.changes, err = newChanges(); err != nil {
		t.failed = true
	}
	return t
}

// enter asks for what changes in one folder.
func (t *told) enter(dir string) {
	if t.failed {
		return
	}
	if t.folders++; t.folders > maxTold || !tellsAll(dir) || t.changes.add(dir) != nil {
		t.failed = true
	}
}

// quiet reports whether surely nothing has changed since the folders were entered, as far as
// the kernel tells. After a change it never does again.
func (t *told) quiet() bool {
	if t == nil || t.failed {
		return false
	}
	now, err := os.Stat(t.path)
	t.failed = err != nil || !os.SameFile(now, t.root) || !t.changes.none()
	return !t.failed
}

// close ends the telling.
func (t *told) close() {
	if t != nil && t.changes != nil {
		t.changes.close()
	}
}
